#include "tinyc_stream.h"

#include <string.h>

/* Where row `row` of a line lies. */
static uint8_t *address(const tinyc_segment *segment, const tinyc_flow *flow, uint32_t line, uint32_t row)
{
    const tinyc_line *place = &segment->lines[line];
    return flow->memories[place->memory] + place->offset + (row - flow->lines[line].held) * place->row_bytes;
}

typedef struct {
    uint32_t words[8];
} chunk;

/* Moves what lies `distance` bytes higher to `to`: quicker than memmove where a chunk never lies over its new place. */
static void move_down(uint8_t *to, uint32_t distance, uint32_t bytes)
{
    if (((uintptr_t)to | distance) % sizeof(uint32_t) == 0u && distance >= sizeof(chunk)) {
        for (; bytes >= sizeof(chunk); bytes -= sizeof(chunk), to += sizeof(chunk)) {
            *(chunk *)(void *)to = *(const chunk *)(const void *)(to + distance);
        }
    }
    memmove(to, to + distance, bytes);
}

static void leave(const tinyc_segment *segment, const tinyc_flow *flow, uint32_t line, uint32_t rows)
{
    tinyc_line_state *state = &flow->lines[line];
    const uint32_t row_bytes = segment->lines[line].row_bytes, kept = state->made - (state->held + rows);
    move_down(address(segment, flow, line, state->held), rows * row_bytes, kept * row_bytes);
    state->held = (uint16_t)(state->held + rows);
}

static tinyc_status make_block(const tinyc_stage *stage, tinyc_line_state *lines)
{
    const uint32_t row = lines[stage->output].made;
    const uint32_t end = row + (row == 0u ? stage->first : stage->height);
    const tinyc_status status = stage->run(lines, row);
    if (status == TINYC_OK) {
        lines[stage->output].made = (uint16_t)(end < stage->rows ? end : stage->rows);
    }
    return status;
}

void tinyc_stream_start(const tinyc_segment *segment, tinyc_position *at, tinyc_line_state *lines)
{
    at->next = 0u;
    at->rounds = 0u;
    for (uint32_t i = 0u; i < segment->line_count; i++) {
        lines[i].made = 0u;
        lines[i].held = 0u;
    }
}

tinyc_status tinyc_stream_run(const tinyc_segment *segment, const tinyc_flow *flow)
{
    tinyc_position *at = flow->at;
    for (;;) {
        const uint16_t *event = &segment->events[at->next];
        if (*event < TINYC_LEAVES) {
            const tinyc_status status = make_block(&segment->stages[*event], flow->lines);
            if (status != TINYC_OK) {
                return status;
            }
            at->next += 1u;
        } else if (*event == TINYC_ARRIVE || *event == TINYC_END) {
            return TINYC_OK;
        } else if (*event != TINYC_REPEATS) {
            leave(segment, flow, *event - TINYC_LEAVES, event[1]);
            at->next += 2u;
        } else if (at->rounds < event[2]) {
            at->rounds++;
            at->next -= event[1];
        } else {
            at->rounds = 0u;
            at->next += 3u;
        }
    }
}

tinyc_status tinyc_stream_push(const tinyc_segment *segment, const tinyc_flow *flow, const void *row)
{
    tinyc_line_state *pushed = &flow->lines[segment->pushed];
    if (pushed->made == segment->lines[segment->pushed].rows) {
        return TINYC_TOO_MANY_ROWS;
    }
    const tinyc_status status = tinyc_stream_run(segment, flow); /* up to where a row arrives, if not there yet */
    if (status != TINYC_OK) {
        return status;
    }
    memcpy(address(segment, flow, segment->pushed, pushed->made), row, segment->lines[segment->pushed].row_bytes);
    pushed->made++;
    flow->at->next++;
    return tinyc_stream_run(segment, flow);
}

int tinyc_stream_complete(const tinyc_segment *segment, const tinyc_line_state *lines)
{
    return lines[segment->pushed].made == segment->lines[segment->pushed].rows;
}
