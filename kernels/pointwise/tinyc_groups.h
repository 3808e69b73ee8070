/* The loop over groups of codes: two columns times two channels, in the instructions of the DSP extension. */
#ifndef TINYC_GROUPS_H
#define TINYC_GROUPS_H

#include "tinyc_dsp.h"

#if TINYC_DSP

/* One group: 14 instructions for 16 products. */
#define TINYC_GROUP                     \
    "ldmia %[x]!, {r4, r5, r6, r8}\n\t" \
    "ldmia %[w]!, {r9, r10}\n\t"        \
    "sxtb16 r12, r9\n\t"                \
    "sxtb16 r9, r9, ror #8\n\t"         \
    "smlad %[a0], r4, r12, %[a0]\n\t"   \
    "smlad %[b0], r6, r12, %[b0]\n\t"   \
    "smlad %[a1], r4, r9, %[a1]\n\t"    \
    "smlad %[b1], r6, r9, %[b1]\n\t"    \
    "sxtb16 r12, r10\n\t"               \
    "sxtb16 r10, r10, ror #8\n\t"       \
    "smlad %[a0], r5, r12, %[a0]\n\t"   \
    "smlad %[b0], r8, r12, %[b0]\n\t"   \
    "smlad %[a1], r5, r10, %[a1]\n\t"   \
    "smlad %[b1], r8, r10, %[b1]\n\t"

/* Multiplies the columns from `x` to r4, one group or more, with the weights from `w` on. A round is four groups; the
 * first one is entered where as many are left as make the others whole. Compilers would spill here, so it is one piece
 * of assembly, in which all registers but the frame pointer hold something: the end waits on the stack. */
#define TINYC_GROUPS                                                                              \
    "push {r4}\n\t"                                                                               \
    "sub r4, r4, %[x]\n\t"                                                                        \
    "lsls r4, r4, #27\n\t" /* bit 0 of the number of groups to N, bit 1 to C */                   \
    "bcc 5f\n\t"                                                                                  \
    "bmi 2f\n\t"                                                                                  \
    "b 3f\n"                                                                                      \
    "5:\n\t"                                                                                      \
    "bmi 4f\n"                                                                                    \
    "1:\n\t" TINYC_GROUP "2:\n\t" TINYC_GROUP "3:\n\t" TINYC_GROUP "4:\n\t" TINYC_GROUP           \
    "ldr r4, [sp]\n\t"                                                                            \
    "cmp %[x], r4\n\t"                                                                            \
    "bne 1b\n\t"                                                                                  \
    "add sp, sp, #4\n\t"

#endif

#endif
