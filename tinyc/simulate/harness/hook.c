#include "hook.h"

#include "harness_config.h"
#include "record.h"

#ifdef HARNESS_PROFILE
    #include "counter.h"

static uint64_t counts[HARNESS_OPERATORS];
static uint64_t empty_operator;
static counter_stamp started;
#endif

#ifdef HARNESS_TRACE
/* Two bytes for every operator's begin, then as many for its end: the emulator's log shows which of them ran. */
    #define STRING(number) #number
    #define REPEAT(count) ".rept 2 * " STRING(count) "\n bx lr\n .endr\n"
__attribute__((naked, noinline, used)) void harness_marks(void)
{
    __asm volatile(REPEAT(HARNESS_OPERATOR_COUNT));
}
#endif

/* NULL until the hook is calibrated: nothing is dumped or marked before. */
static const uint8_t *dumped_arena;

static void dump_operator(unsigned op)
{
#ifdef HARNESS_DUMP
    if (dumped_arena != NULL)
    {
        const tinyc_operator *about = &HARNESS_OPERATOR_TABLE[op];
        const uint32_t head[3] = {RECORD_OPERATOR_OUTPUT, (uint32_t)sizeof(uint32_t) + about->bytes, op};
        platform_write(head, sizeof head);
        platform_write((about->memory == NULL ? dumped_arena : about->memory) + about->offset, about->bytes);
    }
#else
    (void)op;
#endif
}

void hook_calibrated(const uint8_t *arena)
{
    dumped_arena = arena;
#ifdef HARNESS_PROFILE
    empty_operator = counts[0];
#endif
}

void hook_start_sample(void)
{
#ifdef HARNESS_PROFILE
    for (unsigned op = 0; op < HARNESS_OPERATORS; ++op)
    {
        counts[op] = 0;
    }
#endif
}

void hook_end_sample(void)
{
#ifdef HARNESS_PROFILE
    record(RECORD_OPERATOR_COUNTS, counts, sizeof counts);
#endif
}

/* The counter is read first after an operator and last before one, so what happens in here counts for nobody. */
void harness_hook(unsigned op, unsigned phase)
{
#ifdef HARNESS_PROFILE
    const counter_stamp ended = counter_read();
    if (phase != 0u)
    {
        counts[op] += counter_between(started, ended) - empty_operator;
    }
#endif
#ifdef HARNESS_TRACE
    if (dumped_arena != NULL)
    {
        ((void (*)(void))((uintptr_t)harness_marks + 2u * (op + phase * HARNESS_OPERATORS)))();
    }
#endif
    if (phase != 0u)
    {
        dump_operator(op);
    }
#ifdef HARNESS_PROFILE
    started = counter_read();
#endif
}
