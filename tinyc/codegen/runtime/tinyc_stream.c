#include "tinyc_stream.h"

#include <string.h>

/* Where row `row` of a line lies. */
static uint8_t *address(const tinyc_segment *segment, const tinyc_flow *flow, uint32_t line, uint32_t row)
{
    const tinyc_line *place = &segment->lines[line];
    return flow->memories[place->memory] + place->offset + (row - flow->lines[line].held) * place->row_bytes;
}

typedef struct {
    uint32_t words[16];
} chunk;

/* Moves what lies `distance` bytes higher to `to`: quicker than memmove where a chunk never lies over its new place. */
static void move_down(uint8_t *to, uint32_t distance, uint32_t bytes)
{
    if (((uintptr_t)to | distance) % sizeof(uint32_t) == 0u && distance >= sizeof(chunk)) {
        for (; bytes >= sizeof(chunk); bytes -= sizeof(chunk), to += sizeof(chunk)) {
            *(chunk *)(void *)to = *(const chunk *)(const void *)(to + distance);
        }
    }
    if (bytes > 0u) {
        memmove(to, to + distance, bytes);
    }
}

static void leave(const tinyc_segment *segment, const tinyc_flow *flow, uint32_t line, uint32_t rows)
{
    tinyc_line_state *state = &flow->lines[line];
    const uint32_t row_bytes = segment->lines[line].row_bytes, kept = state->made - (state->held + rows);
    move_down(address(segment, flow, line, state->held), rows * row_bytes, kept * row_bytes);
    state->held = (uint16_t)(state->held + rows);
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
    const uint16_t *event = segment->events + flow->at->next;
    tinyc_status status = TINYC_OK;
    while (status == TINYC_OK && *event < TINYC_ARRIVE) {
        if (*event < TINYC_LEAVES) {
            status = segment->blocks[*event](flow->lines);
            event += status == TINYC_OK; /* one that failed is not over */
        } else if (*event != TINYC_REPEATS) {
            leave(segment, flow, *event - TINYC_LEAVES, event[1]);
            event += 2;
        } else if (flow->at->rounds < event[2]) {
            flow->at->rounds++;
            event -= event[1];
        } else {
            flow->at->rounds = 0u;
            event += 3;
        }
    }
    flow->at->next = (uint32_t)(event - segment->events);
    return status;
}

tinyc_status tinyc_stream_push(const tinyc_segment *segment, const tinyc_flow *flow, const void *row)
{
    tinyc_line_state *pushed = &flow->lines[segment->pushed];
    const tinyc_line *line = &segment->lines[segment->pushed];
    if (pushed->made == line->rows) {
        return TINYC_TOO_MANY_ROWS;
    }
    if (segment->events[flow->at->next] != TINYC_ARRIVE) {
        return TINYC_KERNEL_FAILED; /* at an earlier row */
    }
    memcpy(address(segment, flow, segment->pushed, pushed->made), row, line->row_bytes);
    pushed->made++;
    flow->at->next++;
    return tinyc_stream_run(segment, flow);
}

int tinyc_stream_complete(const tinyc_segment *segment, const tinyc_line_state *lines)
{
    return lines[segment->pushed].made == segment->lines[segment->pushed].rows;
}
