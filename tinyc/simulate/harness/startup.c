/* Vector table, reset and faults of an emulated Cortex-M. */
#include "record.h"

int main(void);

/* Set by the linker script. */
extern uint32_t stack_limit[];
extern uint32_t stack_top[];
extern uint32_t bss_start[];
extern uint32_t bss_end[];

#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_ALLOW_FPU_AND_MVE (0xFu << 20)
#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define CCR_TRAP_UNALIGNED (1u << 3)
#define CFSR (*(volatile uint32_t *)0xE000ED28u)

/* QEMU loads every initialised section where it belongs, so there is nothing to copy. */
__attribute__((noreturn)) static void reset(void)
{
    for (volatile uint32_t *word = bss_start; word < bss_end; ++word)
    {
        *word = 0;
    }
    CPACR |= CPACR_ALLOW_FPU_AND_MVE;
#ifdef HARNESS_TRAP_UNALIGNED
    CCR |= CCR_TRAP_UNALIGNED;
#endif
    __asm volatile("dsb\n isb" ::: "memory");
    (void)main();
    for (;;)
    {
    }
}

/* `frame` is what the core stacked: r0-r3, r12, lr, pc, xpsr. The stack lies at the lowest address of its memory, so
   an overflow hits nothing and faults; there is no frame then. */
__attribute__((used)) static void report_fault(const uint32_t *frame)
{
    if (frame < stack_limit || frame >= stack_top)
    {
        fail(FAILED_STACK, (uint32_t)((uintptr_t)stack_top - (uintptr_t)stack_limit), 0);
    }
    fail(FAILED_FAULT, frame[6], CFSR);
}

/* The stack may be what broke: report on a fresh one. */
__attribute__((naked)) static void fault(void)
{
    __asm volatile("mrs r0, msp \n"
                   "ldr r1, =stack_top \n"
                   "mov sp, r1 \n"
                   "bl report_fault \n");
}

__attribute__((used, section(".vectors"))) const void *const vectors[16] = {
    stack_top, (const void *)reset, (const void *)fault, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault};
