/* A counter of clock cycles on a Cortex-M: DWT (M3, M4, M7, M33), PMU (M55, M85), SysTick (M0, M0+, M23), which is
 * taken over and counts to 2^24 alone, so that what runs longer between two readings is counted short. Define
 * TINYC_PROFILE_CYCLES as the name of a function of yours that returns a rising uint32_t to use that in its place. */
#ifndef TINYC_CYCLES_H
#define TINYC_CYCLES_H

#include <stdint.h>

#define TINYC_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define TINYC_DEMCR TINYC_REGISTER(0xE000EDFCu)
#define TINYC_DEMCR_TRACE (1u << 24)

#ifdef TINYC_PROFILE_CYCLES

#define TINYC_CYCLES_MASK 0xFFFFFFFFu
uint32_t TINYC_PROFILE_CYCLES(void);

static inline void tinyc_start_cycles(void)
{
}

static inline uint32_t tinyc_cycles(void)
{
    return TINYC_PROFILE_CYCLES();
}

#elif defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)

#define TINYC_CYCLES_MASK 0x00FFFFFFu

static inline void tinyc_start_cycles(void)
{
    TINYC_REGISTER(0xE000E014u) = TINYC_CYCLES_MASK; /* reload value */
    TINYC_REGISTER(0xE000E018u) = 0u;
    TINYC_REGISTER(0xE000E010u) = 5u; /* on, from the core's clock, no interrupt */
}

static inline uint32_t tinyc_cycles(void)
{
    return TINYC_CYCLES_MASK - TINYC_REGISTER(0xE000E018u);
}

#elif defined(__ARM_ARCH_8_1M_MAIN__)

#define TINYC_CYCLES_MASK 0xFFFFFFFFu

static inline void tinyc_start_cycles(void)
{
    TINYC_DEMCR |= TINYC_DEMCR_TRACE;
    TINYC_REGISTER(0xE0003C00u) = 1u << 31; /* PMU_CNTENSET: the cycle counter */
    TINYC_REGISTER(0xE0003E04u) |= 1u;      /* PMU_CTRL: on */
}

static inline uint32_t tinyc_cycles(void)
{
    return TINYC_REGISTER(0xE000307Cu); /* PMU_CCNTR */
}

#elif defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__) || defined(__ARM_ARCH_8M_MAIN__)

#define TINYC_CYCLES_MASK 0xFFFFFFFFu

static inline void tinyc_start_cycles(void)
{
    TINYC_DEMCR |= TINYC_DEMCR_TRACE;
    TINYC_REGISTER(0xE0001FB0u) = 0xC5ACCE55u; /* DWT_LAR: the M7 has a lock */
    TINYC_REGISTER(0xE0001000u) |= 1u;         /* DWT_CTRL: CYCCNT on */
}

static inline uint32_t tinyc_cycles(void)
{
    return TINYC_REGISTER(0xE0001004u); /* DWT_CYCCNT */
}

#else
#error "no cycle counter is known here: define TINYC_PROFILE_CYCLES as the name of a function that returns one"
#endif

#endif
