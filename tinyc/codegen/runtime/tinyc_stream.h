/* Streamed segments: operators that run together, a block of output rows at a time, through line buffers.
 *
 * A block is computed as soon as the rows that it reads are there and its own line has room, furthest downstream first.
 * The compiler found how many rows each line must hold. */
#ifndef TINYC_STREAM_H
#define TINYC_STREAM_H

#include "tinyc.h"

/* Rows of one tensor: `depth` of them at `offset` of a memory; all of them where depth equals rows. */
typedef struct {
    uint32_t offset;
    uint32_t row_bytes;
    uint16_t rows;
    uint16_t depth;
    uint16_t first_reader; /* lowest stage that reads this line */
    uint16_t last_reader;  /* highest one */
    uint16_t memory;       /* number of the memory that holds it; 0 is the arena */
} tinyc_line;

/* Output row y reads rows y * stride - before up to that + reach (not included), where they exist; with a table, row
 * table[y] alone. A stride of 0: every output row reads the same rows. */
typedef struct {
    const uint16_t *table;
    uint16_t line;
    uint16_t stride;
    int16_t before; /* negative: rows that are never read lie before the first */
    uint16_t reach;
} tinyc_feed;

/* Computes the block of output rows that begins at `row`; `in` points to the first row that each feed needs. */
typedef tinyc_status (*tinyc_block)(const uint8_t *const *in, uint8_t *out, uint32_t row);

typedef struct {
    tinyc_block run;
    const tinyc_feed *feeds;
    uint16_t feed_count;
    uint16_t output; /* the line it writes */
    uint16_t first;  /* rows of the first block */
    uint16_t height; /* rows of every other block; the last has what is left */
} tinyc_stage;

#define TINYC_STREAM_FEEDS 10u /* the most inputs that an operator has */

typedef struct {
    const tinyc_line *lines;
    const tinyc_stage *stages;
    uint16_t line_count;
    uint16_t stage_count;
    uint16_t pushed; /* the line whose rows the caller delivers; TINYC_STREAM_STORED for none */
} tinyc_segment;

#define TINYC_STREAM_STORED 0xFFFFu

/* What changes while a segment runs. */
typedef struct {
    uint16_t made; /* rows computed so far */
    uint16_t held; /* the first row that is still in the buffer */
} tinyc_line_state;

/* Marks the lines that nobody writes or pushes as there, and all others as empty. */
void tinyc_stream_start(const tinyc_segment *segment, tinyc_line_state *state);

/* Computes every row that can be computed from the rows that are there. `memories` are the first bytes of the arena and
 * of the network's other memories. */
tinyc_status tinyc_stream_run(const tinyc_segment *segment, tinyc_line_state *state, uint8_t *const *memories);

/* Takes the next row of the pushed line, and computes what can be computed from it. */
tinyc_status tinyc_stream_push(const tinyc_segment *segment, tinyc_line_state *state, uint8_t *const *memories,
                               const void *row);

/* Whether every row of the pushed line has been taken. */
int tinyc_stream_complete(const tinyc_segment *segment, const tinyc_line_state *state);

#endif
