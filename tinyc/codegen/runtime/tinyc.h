/* What all networks compiled by tinyc share: the status that every call returns. */
#ifndef TINYC_H
#define TINYC_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    TINYC_OK = 0,
    TINYC_ARENA_TOO_SMALL = 1,  /* init: fewer bytes than NAME_ARENA_BYTES */
    TINYC_ARENA_MISALIGNED = 2, /* init: no arena, or not aligned to NAME_ARENA_ALIGN */
    TINYC_NOT_INITIALISED = 3,  /* invoke before a successful init */
    TINYC_KERNEL_FAILED = 4,    /* a kernel refused its arguments; the outputs are not valid */
    TINYC_ROWS_MISSING = 5,     /* streamed input: invoke before the last row of the image was pushed */
    TINYC_TOO_MANY_ROWS = 6     /* streamed input: more rows pushed than the image has; none was taken too many */
} tinyc_status;

/* Where an operator's output lies right after it ran, for comparing layer by layer. */
typedef struct {
    const char *name;      /* the model file's tensor */
    const uint8_t *memory; /* what the offset counts from: a region's static array, or NULL for the arena */
    uint32_t offset;
    uint32_t bytes;
} tinyc_operator;

#endif
