/* A run of bytes to another place, which may be over itself. */
#ifndef TINYC_MOVE_H
#define TINYC_MOVE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* memmove, which small C libraries do byte by byte, only where memcpy would not do. */
static inline void tinyc_move(void *to, const void *from, int32_t bytes)
{
    const uintptr_t distance = (uintptr_t)to > (uintptr_t)from ? (uintptr_t)to - (uintptr_t)from
                                                               : (uintptr_t)from - (uintptr_t)to;
    if (distance >= (uintptr_t)bytes) {
        memcpy(to, from, (size_t)bytes);
    } else if (distance != 0) {
        memmove(to, from, (size_t)bytes);
    }
}

#endif
