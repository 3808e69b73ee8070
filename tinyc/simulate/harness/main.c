/* Runs one generated network: checks its init, feeds it samples, watches the memory around its arena.

   harness_config.h is written for each project and says which network this is. samples.bin holds the number of
   samples (uint32_t) and then the inputs of every sample. results.bin receives records: tag and length in bytes
   (uint32_t each), then the payload; a run is complete when the last record is RECORD_DONE. */
#include "harness_config.h"
#include "hook.h"
#include "platform.h"
#include "record.h"

#define CANARY_BYTES 256u
#define CANARY 0xA5u

#ifdef HARNESS_EMULATED
    #define IN_ARENA_MEMORY , section(".arena")
    #define IMAGE_ATTRIBUTES __attribute__((section(".arena")))
#else
    #define IN_ARENA_MEMORY
    #define IMAGE_ATTRIBUTES
#endif

/* The arena gets exactly the bytes that it asks for; the canaries touch it on both sides. */
static struct
{
    uint8_t before[CANARY_BYTES];
    uint8_t arena[HARNESS_ARENA_BYTES];
    uint8_t after[CANARY_BYTES];
} memory __attribute__((aligned(CANARY_BYTES) IN_ARENA_MEMORY));

_Static_assert(HARNESS_ARENA_BYTES == HARNESS_PLANNED_BYTES, "the header and the plan disagree on the arena size");
_Static_assert(CANARY_BYTES % HARNESS_ARENA_ALIGN == 0u, "the canary would misalign the arena");

/* The network's memories besides the arena: static arrays of its own. On an emulated core canaries touch them on both
   sides, as the sections of these names are laid out in order; on a host the address sanitizer guards them. */
typedef struct
{
    uint8_t *start;
    uint32_t bytes;
    uint8_t *before;
    uint8_t *after;
} region;

#ifndef HARNESS_REGIONS
    #define HARNESS_REGIONS(REGION)
#endif
#ifdef HARNESS_EMULATED
    #define CANARIES(number, symbol, bytes, section_name)                                                        \
        uint8_t before_##number[CANARY_BYTES] __attribute__((section(section_name ".a"), aligned(CANARY_BYTES))); \
        uint8_t after_##number[CANARY_BYTES] __attribute__((section(section_name ".c"), aligned(1)));
HARNESS_REGIONS(CANARIES)
    #define REGION(number, symbol, bytes, section_name) {symbol, bytes, before_##number, after_##number},
#else
    #define REGION(number, symbol, bytes, section_name) {symbol, bytes, NULL, NULL},
#endif
/* neither static nor const: to the compiler these are no neighbours, and it must not reason from that */
region regions[] = {HARNESS_REGIONS(REGION){NULL, 0u, NULL, NULL}};

static uint32_t garbage(uint8_t *start, uint32_t bytes, uint32_t state)
{
    for (uint32_t i = 0; i < bytes; ++i)
    {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        start[i] = (uint8_t)state;
    }
    return state;
}

static void prepare_regions(uint32_t state)
{
    for (uint32_t number = 0; regions[number].start != NULL; ++number)
    {
        const region *own = &regions[number];
        state = garbage(own->start, own->bytes, state);
        if (own->before == NULL)
        {
            continue;
        }
        if (own->before + CANARY_BYTES != own->start || own->start + own->bytes != own->after)
        {
            fail(FAILED_REGION_LAYOUT, number, 0);
        }
        for (uint32_t i = 0; i < CANARY_BYTES; ++i)
        {
            own->before[i] = CANARY;
            own->after[i] = CANARY;
        }
    }
}

static void check_regions(uint32_t sample)
{
    for (uint32_t number = 0; regions[number].start != NULL; ++number)
    {
        for (uint32_t i = 0; regions[number].before != NULL && i < CANARY_BYTES; ++i)
        {
            if (regions[number].before[i] != CANARY || regions[number].after[i] != CANARY)
            {
                fail(FAILED_REGION, sample, number);
            }
        }
    }
}

static void prepare_memory(void)
{
    for (uint32_t i = 0; i < CANARY_BYTES; ++i)
    {
        memory.before[i] = CANARY;
        memory.after[i] = CANARY;
    }
    prepare_regions(garbage(memory.arena, HARNESS_ARENA_BYTES, 0x9E3779B9u));
}

static void hide_canaries(int hide)
{
    platform_hide(memory.before, CANARY_BYTES, hide);
    platform_hide(memory.after, CANARY_BYTES, hide);
}

/* `sample` is counted from 1; 0 means init. */
static void check_canaries(uint32_t sample)
{
    hide_canaries(0);
    for (uint32_t i = 0; i < CANARY_BYTES; ++i)
    {
        if (memory.before[CANARY_BYTES - 1u - i] != CANARY)
        {
            fail(FAILED_CANARY_BEFORE, sample, i + 1u);
        }
        if (memory.after[i] != CANARY)
        {
            fail(FAILED_CANARY_AFTER, sample, i);
        }
    }
    hide_canaries(1);
    check_regions(sample);
}

static void check_init(void)
{
    if (HARNESS_INIT(memory.arena, HARNESS_ARENA_BYTES - 1u) == TINYC_OK)
    {
        fail(FAILED_INIT_SHORT, HARNESS_ARENA_BYTES - 1u, 0);
    }
    if (HARNESS_ARENA_ALIGN > 1u && HARNESS_INIT(memory.arena + 1, HARNESS_ARENA_BYTES) == TINYC_OK)
    {
        fail(FAILED_INIT_MISALIGNED, HARNESS_ARENA_ALIGN, 0);
    }
    tinyc_status status = HARNESS_INIT(memory.arena, HARNESS_ARENA_BYTES);
    if (status != TINYC_OK)
    {
        fail(FAILED_INIT, (uint32_t)status, 0);
    }
    check_canaries(0);
}

#ifdef HARNESS_PUSH
/* A streamed image lies outside the arena and is pushed in ragged chunks: 1, 2, 3, 5, 1, ... rows. */
static uint8_t image[HARNESS_ROWS * HARNESS_ROW_BYTES] IMAGE_ATTRIBUTES;

static tinyc_status push_and_invoke(void)
{
    static const uint8_t chunks[] = {1u, 2u, 3u, 5u};
    uint32_t row = 0;
    for (uint32_t i = 0; row < HARNESS_ROWS; ++i)
    {
        const uint32_t left = HARNESS_ROWS - row;
        const uint32_t chunk = chunks[i % 4u] < left ? chunks[i % 4u] : left;
        const tinyc_status status = HARNESS_PUSH((const void *)(image + row * HARNESS_ROW_BYTES), chunk);
        if (status != TINYC_OK)
        {
            return status;
        }
        row += chunk;
    }
    return HARNESS_INVOKE();
}
#endif

static void run_sample(uint32_t sample)
{
    record(RECORD_SAMPLE, NULL, 0);
    hook_start_sample();
#ifdef HARNESS_PUSH
    platform_read(image, sizeof image);
    measurement measured = platform_measure(push_and_invoke);
#else
    #define READ_INPUT(function, bytes) platform_read((void *)function(), bytes);
    HARNESS_INPUTS(READ_INPUT)
    measurement measured = platform_measure(HARNESS_INVOKE);
#endif
    check_canaries(sample);
    if (measured.status != TINYC_OK)
    {
        fail(FAILED_INVOKE, sample, (uint32_t)measured.status);
    }
    record(RECORD_INSTRUCTIONS, &measured.instructions, sizeof measured.instructions);
    record(RECORD_STACK, &measured.stack_bytes, sizeof measured.stack_bytes);
#define WRITE_OUTPUT(function, bytes) record(RECORD_OUTPUT, (const void *)function(), bytes);
    HARNESS_OUTPUTS(WRITE_OUTPUT)
    hook_end_sample();
}

int main(void)
{
    uint32_t samples = 0;
    if (platform_start() != 0)
    {
        fail(FAILED_COUNTER, 0, 0);
    }
    platform_read(&samples, sizeof samples);
    prepare_memory();
    hide_canaries(1);
    check_init();
    harness_hook(0, 0);
    harness_hook(0, 1);
    hook_calibrated(memory.arena);
    for (uint32_t sample = 1; sample <= samples; ++sample)
    {
        run_sample(sample);
    }
    record(RECORD_DONE, NULL, 0);
    platform_exit();
    return 0;
}
