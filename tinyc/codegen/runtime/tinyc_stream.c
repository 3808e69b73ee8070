#include "tinyc_stream.h"

#include <stdbool.h>
#include <string.h>

static uint32_t clamped(int32_t row, uint32_t rows)
{
    return row < 0 ? 0u : (uint32_t)row < rows ? (uint32_t)row : rows;
}

/* The lowest row that output row `row` reads. */
static uint32_t first_row(const tinyc_feed *feed, uint32_t row, uint32_t rows)
{
    if (feed->table != NULL) {
        return feed->table[row];
    }
    return clamped((int32_t)(row * feed->stride) - feed->before, rows);
}

/* One past the highest row that output row `row` reads. */
static uint32_t end_row(const tinyc_feed *feed, uint32_t row, uint32_t rows)
{
    if (feed->table != NULL) {
        return feed->table[row] + 1u;
    }
    return clamped((int32_t)(row * feed->stride + feed->reach) - feed->before, rows);
}

/* Rows of the block that a stage makes next; 0 where it has made all. */
static uint32_t block_rows(const tinyc_segment *segment, const tinyc_line_state *state, const tinyc_stage *stage)
{
    const uint32_t made = state[stage->output].made;
    const uint32_t left = segment->lines[stage->output].rows - made;
    const uint32_t rows = made == 0u ? stage->first : stage->height;
    return rows < left ? rows : left;
}

/* The lowest row of a line that some stage still reads. */
static uint32_t first_needed(const tinyc_segment *segment, const tinyc_line_state *state, uint32_t line)
{
    uint32_t lowest = state[line].made;
    for (uint32_t i = segment->lines[line].first_reader; i <= segment->lines[line].last_reader; i++) {
        const tinyc_stage *stage = &segment->stages[i];
        const uint32_t row = state[stage->output].made;
        for (uint32_t j = 0u; j < stage->feed_count; j++) {
            if (stage->feeds[j].line == line && row < segment->lines[stage->output].rows) {
                const uint32_t first = first_row(&stage->feeds[j], row, segment->lines[line].rows);
                lowest = first < lowest ? first : lowest;
            }
        }
    }
    return lowest;
}

/* Whether the rows that a block of `rows` reads are there. */
static bool is_fed(const tinyc_segment *segment, const tinyc_line_state *state, const tinyc_stage *stage, uint32_t rows)
{
    const uint32_t last = state[stage->output].made + rows - 1u;
    for (uint32_t i = 0u; i < stage->feed_count; i++) {
        const tinyc_feed *feed = &stage->feeds[i];
        if (end_row(feed, last, segment->lines[feed->line].rows) > state[feed->line].made) {
            return false;
        }
    }
    return true;
}

/* The first byte of a line buffer. */
static uint8_t *place_of(const tinyc_line *line, uint8_t *const *memories)
{
    return memories[line->memory] + line->offset;
}

/* Whether `rows` more fit at the end of a line: where it is full, rows that nobody needs any more leave in front. */
static bool make_room(const tinyc_segment *segment, tinyc_line_state *state, uint32_t line, uint32_t rows,
                      uint8_t *const *memories)
{
    const tinyc_line *place = &segment->lines[line];
    const uint32_t made = state[line].made;
    if (made - state[line].held + rows <= place->depth) {
        return true;
    }
    const uint32_t first = first_needed(segment, state, line);
    if (made - first + rows > place->depth) {
        return false;
    }
    uint8_t *buffer = place_of(place, memories);
    memmove(buffer, buffer + (first - state[line].held) * place->row_bytes, (made - first) * place->row_bytes);
    state[line].held = (uint16_t)first;
    return true;
}

static tinyc_status run_stage(const tinyc_segment *segment, tinyc_line_state *state, const tinyc_stage *stage,
                              uint32_t rows, uint8_t *const *memories)
{
    const tinyc_line *line = &segment->lines[stage->output];
    tinyc_line_state *out = &state[stage->output];
    const uint8_t *in[TINYC_STREAM_FEEDS];
    for (uint32_t i = 0u; i < stage->feed_count; i++) {
        const tinyc_feed *feed = &stage->feeds[i];
        const tinyc_line *source = &segment->lines[feed->line];
        const uint32_t first = first_row(feed, out->made, source->rows) - state[feed->line].held;
        in[i] = place_of(source, memories) + first * source->row_bytes;
    }
    const uint32_t row = out->made - (uint32_t)out->held;
    const tinyc_status status = stage->run(in, place_of(line, memories) + row * line->row_bytes, out->made);
    out->made = (uint16_t)(out->made + rows);
    return status;
}

void tinyc_stream_start(const tinyc_segment *segment, tinyc_line_state *state)
{
    for (uint32_t i = 0u; i < segment->line_count; i++) {
        state[i].made = segment->lines[i].rows;
        state[i].held = 0u;
    }
    for (uint32_t i = 0u; i < segment->stage_count; i++) {
        state[segment->stages[i].output].made = 0u;
    }
    if (segment->pushed != TINYC_STREAM_STORED) {
        state[segment->pushed].made = 0u;
    }
}

tinyc_status tinyc_stream_run(const tinyc_segment *segment, tinyc_line_state *state, uint8_t *const *memories)
{
    uint32_t i = segment->stage_count; /* one past the highest stage that may be ready */
    while (i > 0u) {
        const tinyc_stage *stage = &segment->stages[i - 1u];
        const uint32_t rows = block_rows(segment, state, stage);
        if (rows == 0u || !is_fed(segment, state, stage, rows) ||
            !make_room(segment, state, stage->output, rows, memories)) {
            i--;
            continue;
        }
        const tinyc_status status = run_stage(segment, state, stage, rows, memories);
        if (status != TINYC_OK) {
            return status;
        }
        const uint32_t reader = segment->lines[stage->output].last_reader + 1u;
        i = reader > i ? reader : i;
    }
    return TINYC_OK;
}

tinyc_status tinyc_stream_push(const tinyc_segment *segment, tinyc_line_state *state, uint8_t *const *memories,
                               const void *row)
{
    const tinyc_line *line = &segment->lines[segment->pushed];
    tinyc_line_state *pushed = &state[segment->pushed];
    if (pushed->made >= line->rows) {
        return TINYC_TOO_MANY_ROWS;
    }
    (void)make_room(segment, state, segment->pushed, 1u, memories); /* there always is */
    memcpy(place_of(line, memories) + (uint32_t)(pushed->made - pushed->held) * line->row_bytes, row,
           line->row_bytes);
    pushed->made++;
    return tinyc_stream_run(segment, state, memories);
}

int tinyc_stream_complete(const tinyc_segment *segment, const tinyc_line_state *state)
{
    return state[segment->pushed].made == segment->lines[segment->pushed].rows;
}
