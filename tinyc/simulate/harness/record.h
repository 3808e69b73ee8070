/* The records in results.bin; tinyc/simulate/results.py reads them and has the same numbers. */
#ifndef TINYC_HARNESS_RECORD_H
#define TINYC_HARNESS_RECORD_H

#include "platform.h"

enum
{
    RECORD_DONE = 0,
    RECORD_FAILURE = 1,         /* uint32_t reason, and two numbers that belong to it */
    RECORD_SAMPLE = 2,          /* a sample begins; what follows belongs to it */
    RECORD_OUTPUT = 3,          /* one network output */
    RECORD_INSTRUCTIONS = 4,    /* uint64_t, of the invoke */
    RECORD_STACK = 5,           /* uint32_t bytes, of the invoke */
    RECORD_OPERATOR_COUNTS = 6, /* uint64_t instructions per operator */
    RECORD_OPERATOR_OUTPUT = 7  /* uint32_t operator, then its output; again if the operator runs again */
};

enum
{
    FAILED_COUNTER = 1,
    FAILED_INIT_SHORT = 2,
    FAILED_INIT_MISALIGNED = 3,
    FAILED_INIT = 4,
    FAILED_CANARY_BEFORE = 5,
    FAILED_CANARY_AFTER = 6,
    FAILED_INVOKE = 7,
    FAILED_STACK = 8,
    FAILED_FAULT = 9,
    FAILED_REGION = 10,       /* sample, and the region's number */
    FAILED_REGION_LAYOUT = 11 /* the region's number */
};

static inline void record(uint32_t tag, const void *payload, uint32_t bytes)
{
    const uint32_t head[2] = {tag, bytes};
    platform_write(head, sizeof head);
    platform_write(payload, bytes);
}

/* Writes why the run ends here, and ends it. */
static inline void fail(uint32_t reason, uint32_t first, uint32_t second)
{
    const uint32_t payload[3] = {reason, first, second};
    record(RECORD_FAILURE, payload, sizeof payload);
    platform_exit();
}

#endif
