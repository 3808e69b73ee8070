/* The harness on an emulated core: files through semihosting, instructions from a timer, stack from painted memory. */
#include "platform.h"

#include "counter.h"
#include "record.h"

enum
{
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_EXIT_EXTENDED = 0x20
};

enum
{
    OPEN_READ_BINARY = 1,
    OPEN_WRITE_BINARY = 5
};

#define APPLICATION_EXIT 0x20026u
#define PAINT 0xDEADC0DEu

/* Set by the linker script. */
extern uint32_t stack_limit[];

static int samples;
static int results;
static uint64_t call_overhead;

static int semihost(int operation, const void *arguments)
{
    register int r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = arguments;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void finish(uintptr_t exit_status)
{
    const uintptr_t reason[2] = {APPLICATION_EXIT, exit_status};
    semihost(SYS_EXIT_EXTENDED, reason);
    for (;;)
    {
    }
}

static int open_file(const char *name, uintptr_t length, uintptr_t mode)
{
    const uintptr_t arguments[3] = {(uintptr_t)name, mode, length};
    const int handle = semihost(SYS_OPEN, arguments);
    if (handle < 0)
    {
        finish(2);
    }
    return handle;
}

/* SYS_READ and SYS_WRITE return how many bytes are left undone. */
static void transfer(int operation, int file, const void *data, uint32_t bytes)
{
    const uintptr_t arguments[3] = {(uintptr_t)file, (uintptr_t)data, bytes};
    if (bytes != 0u && semihost(operation, arguments) != 0)
    {
        finish(2);
    }
}

void platform_read(void *to, uint32_t bytes)
{
    transfer(SYS_READ, samples, to, bytes);
}

void platform_write(const void *from, uint32_t bytes)
{
    transfer(SYS_WRITE, results, from, bytes);
}

void platform_exit(void)
{
    const uintptr_t file = (uintptr_t)results;
    semihost(SYS_CLOSE, &file);
    finish(0);
}

void platform_hide(const void *start, size_t bytes, int hide)
{
    (void)start;
    (void)bytes;
    (void)hide;
}

/* One instruction: what remains of a call when nothing is called. */
__attribute__((naked, noinline)) static tinyc_status empty_call(void)
{
    __asm volatile("bx lr");
}

/* 2 + 2 * 1000 + 2 instructions. */
#define KNOWN_INSTRUCTIONS 2004u
__attribute__((naked, noinline)) static tinyc_status known_call(void)
{
    __asm volatile("movs r0, #250 \n"
                   "lsls r0, r0, #2 \n"
                   "1: subs r0, #1 \n"
                   "bne 1b \n"
                   "movs r0, #0 \n"
                   "bx lr \n");
}

static inline __attribute__((always_inline)) uint32_t *stack_pointer(void)
{
    uint32_t *pointer;
    __asm volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
}

/* No call separates painting, calling and looking, so that only the measured call writes below `top`. */
__attribute__((noinline)) measurement platform_measure(harness_call call)
{
    measurement measured;
    uint32_t *const top = stack_pointer();
    for (volatile uint32_t *word = stack_limit; word < top; ++word)
    {
        *word = PAINT;
    }
    const counter_stamp started = counter_read();
    measured.status = call();
    const counter_stamp ended = counter_read();
    const volatile uint32_t *word = stack_limit;
    while (word < top && *word == PAINT)
    {
        ++word;
    }
    measured.stack_bytes = (uint32_t)((uintptr_t)top - (uintptr_t)word);
    if (word == stack_limit)
    {
        fail(FAILED_STACK, measured.stack_bytes, 0);
    }
    measured.instructions = counter_between(started, ended) - call_overhead;
    return measured;
}

int platform_start(void)
{
    samples = open_file("samples.bin", sizeof "samples.bin" - 1u, OPEN_READ_BINARY);
    results = open_file("results.bin", sizeof "results.bin" - 1u, OPEN_WRITE_BINARY);
    counter_start();
    call_overhead = platform_measure(empty_call).instructions - 1u;
    return platform_measure(known_call).instructions != KNOWN_INSTRUCTIONS;
}
