/* Streamed segments: operators that run together, a block of output rows at a time, through line buffers.
 *
 * The compiler decided what happens when: the runtime follows a list of events. */
#ifndef TINYC_STREAM_H
#define TINYC_STREAM_H

#include "tinyc.h"

/* Rows of one tensor, in a buffer at `offset` of a memory: all of them, or the latest. */
typedef struct {
    uint32_t offset;
    uint32_t row_bytes;
    uint16_t rows;
    uint16_t memory; /* number of the memory that holds it; 0 is the arena */
} tinyc_line;

/* What changes of a line while its segment runs. */
typedef struct {
    uint16_t made; /* rows computed or delivered so far */
    uint16_t held; /* the first row that is still in the buffer */
} tinyc_line_state;

/* Makes the next block of rows of one operator, and counts them. */
typedef tinyc_status (*tinyc_block)(tinyc_line_state *lines);

/* `row` less `before`, but no row above the first. */
static inline uint32_t tinyc_row_before(uint32_t row, uint32_t before)
{
    return row < before ? 0u : row - before;
}

/* The events of a segment, in order; a number is that of an operator, which makes its next block. */
#define TINYC_LEAVES 0x8000u
#define TINYC_REPEATS 0xFFFDu
#define TINYC_LEAVE(line, rows) TINYC_LEAVES + (line), (rows)     /* so many rows leave at the front of a line buffer */
#define TINYC_REPEAT(words, times) TINYC_REPEATS, (words), (times) /* the `words` elements before this, again */
#define TINYC_ARRIVE 0xFFFEu                                       /* the caller delivers a row of the pushed line */
#define TINYC_END 0xFFFFu

typedef struct {
    const tinyc_line *lines;
    const tinyc_block *blocks;
    const uint16_t *events;
    uint16_t line_count;
    uint16_t pushed; /* the line whose rows the caller delivers; TINYC_STREAM_STORED for none */
} tinyc_segment;

#define TINYC_STREAM_STORED 0xFFFFu

/* Where in its events a segment is. */
typedef struct {
    uint32_t next;
    uint32_t rounds; /* how often the loop that ends next was repeated */
} tinyc_position;

typedef struct {
    tinyc_position *at;
    tinyc_line_state *lines;
    uint8_t *const *memories; /* the first bytes of the arena and of the network's other memories */
} tinyc_flow;

void tinyc_stream_start(const tinyc_segment *segment, tinyc_position *at, tinyc_line_state *lines);

/* Computes every row that can be computed from the rows that are there. */
tinyc_status tinyc_stream_run(const tinyc_segment *segment, const tinyc_flow *flow);

/* Takes the next row of the pushed line, and computes what can be computed from it. */
tinyc_status tinyc_stream_push(const tinyc_segment *segment, const tinyc_flow *flow, const void *row);

/* Whether every row of the pushed line has been taken. */
int tinyc_stream_complete(const tinyc_segment *segment, const tinyc_line_state *lines);

#endif
