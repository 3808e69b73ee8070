/* Counts executed instructions on an emulated core.

   Under `-icount shift=10` every instruction takes 1024 ns of emulated time, and the boards' timers run at 20 to
   32 MHz: 20 to 32 ticks per instruction. Rounding ticks to whole instructions therefore loses nothing, and the count
   is exact. The build defines COUNTER_BASE, COUNTER_MULTIPLIER and COUNTER_SHIFT:
   instructions = ticks * COUNTER_MULTIPLIER / 2^COUNTER_SHIFT. */
#ifndef TINYC_HARNESS_COUNTER_H
#define TINYC_HARNESS_COUNTER_H

#include <stdint.h>

#define COUNTER_REGISTER(offset) (*(volatile uint32_t *)(COUNTER_BASE + (offset)))

typedef struct
{
    uint32_t fine;
    uint32_t coarse;
} counter_stamp;

#ifdef COUNTER_IS_SSE

/* The 64-bit up-counter of the SSE-300 subsystem; its control page lies below the page that shows the value. */
static inline void counter_start(void)
{
    COUNTER_REGISTER(0) = 1u;
}

static inline counter_stamp counter_read(void)
{
    counter_stamp now;
    do
    {
        now.coarse = COUNTER_REGISTER(0x1004u);
        now.fine = COUNTER_REGISTER(0x1000u);
    } while (now.coarse != COUNTER_REGISTER(0x1004u));
    return now;
}

static inline uint64_t counter_ticks(counter_stamp from, counter_stamp to)
{
    return (((uint64_t)to.coarse << 32) | to.fine) - (((uint64_t)from.coarse << 32) | from.fine);
}

#else

/* The CMSDK dual timer: two 32-bit down-counters, the second behind a prescaler of 256. The first wraps within about
   1.5e8 instructions; the second tells how often it did. */
    #define COUNTER_RUN_32_BIT 0x82u
    #define COUNTER_PRESCALE_256 0x08u

static inline void counter_start(void)
{
    COUNTER_REGISTER(0x00) = 0xFFFFFFFFu;
    COUNTER_REGISTER(0x20) = 0xFFFFFFFFu;
    COUNTER_REGISTER(0x08) = COUNTER_RUN_32_BIT;
    COUNTER_REGISTER(0x28) = COUNTER_RUN_32_BIT | COUNTER_PRESCALE_256;
}

static inline counter_stamp counter_read(void)
{
    counter_stamp now;
    now.fine = COUNTER_REGISTER(0x04);
    now.coarse = COUNTER_REGISTER(0x24);
    return now;
}

static inline uint64_t counter_ticks(counter_stamp from, counter_stamp to)
{
    const uint64_t about = (uint64_t)(from.coarse - to.coarse) << 8;
    const int32_t correction = (int32_t)(from.fine - to.fine - (uint32_t)about);
    return about + (uint64_t)(int64_t)correction;
}

#endif

static inline uint64_t counter_between(counter_stamp from, counter_stamp to)
{
    const uint64_t half = (uint64_t)1 << (COUNTER_SHIFT - 1);
    return (counter_ticks(from, to) * COUNTER_MULTIPLIER + half) >> COUNTER_SHIFT;
}

#endif
