/* Strided arrays, walked in row-major order. The caller loops over the last axis itself; a walk has the other axes. */
#ifndef TINYC_WALK_H
#define TINYC_WALK_H

#include <stdint.h>

#define TINYC_MAX_AXES 8

typedef struct {
    int32_t axes;                   /* 0..TINYC_MAX_AXES */
    int32_t extent[TINYC_MAX_AXES]; /* 1 or more */
    int32_t step[TINYC_MAX_AXES];   /* elements between neighbours: any number, 0 where an axis broadcasts */
} tinyc_walk;

/* A place of a walk; starts as {0}. */
typedef struct {
    int32_t offset; /* in elements */
    int32_t index[TINYC_MAX_AXES];
} tinyc_cursor;

/* To the next place; from the last one back to the first. */
static inline void tinyc_advance(const tinyc_walk *walk, tinyc_cursor *at)
{
    for (int32_t axis = walk->axes - 1; axis >= 0; axis--) {
        at->offset += walk->step[axis];
        if (++at->index[axis] < walk->extent[axis]) {
            return;
        }
        at->offset -= walk->extent[axis] * walk->step[axis];
        at->index[axis] = 0;
    }
}

#endif
