/* What happens around every operator. The build says what is wanted: HARNESS_PROFILE counts each operator's
   instructions, HARNESS_DUMP copies its output out, HARNESS_TRACE marks where it begins and ends; without any of them
   the network is compiled without its hook. */
#ifndef TINYC_HARNESS_HOOK_H
#define TINYC_HARNESS_HOOK_H

#include <stdint.h>

/* The generated code calls this before (phase 0) and after (phase 1) every operator. */
void harness_hook(unsigned op, unsigned phase);

/* Says that the hook was just called as for one empty operator 0 (so that count is what a hook costs), and where the
   arena lies. */
void hook_calibrated(const uint8_t *arena);

void hook_start_sample(void);
void hook_end_sample(void);

#endif
