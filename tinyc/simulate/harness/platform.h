/* What the harness asks of the machine it runs on: a host (platform_host.c) or an emulated core (platform_emulated.c). */
#ifndef TINYC_HARNESS_PLATFORM_H
#define TINYC_HARNESS_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

#include "tinyc.h"

typedef tinyc_status (*harness_call)(void);

typedef struct
{
    uint64_t instructions; /* executed from the first instruction of the call to its return; 0 on a host */
    uint32_t stack_bytes;  /* deepest word written below the caller's stack pointer; 0 on a host */
    tinyc_status status;
} measurement;

/* Opens samples.bin and results.bin in the current folder and starts the instruction counter.
   Returns 0, or 1 if the counter does not count instructions. */
int platform_start(void);

/* Reads `bytes` from samples.bin, or ends the program. */
void platform_read(void *to, uint32_t bytes);

/* Appends `bytes` to results.bin. */
void platform_write(const void *from, uint32_t bytes);

/* Closes the files and ends the program with exit status 0; what happened is in results.bin. */
void platform_exit(void);

/* Calls `call` once and measures it. */
measurement platform_measure(harness_call call);

/* Makes `bytes` from `start` untouchable for compiled-in checkers (hide != 0), or touchable again. */
void platform_hide(const void *start, size_t bytes, int hide);

#endif
