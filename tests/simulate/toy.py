"""A hand-written network in the shape of a generated one: two operators that add, in an arena of 100 bytes.

The tests spoil it in one place each and look whether the run notices.
"""

from __future__ import annotations

from dataclasses import replace

from tinyc.codegen.project import CProject, Port

TINYC_H = """
#ifndef TINYC_H
#define TINYC_H
#include <stddef.h>
#include <stdint.h>
typedef enum { TINYC_OK = 0, TINYC_ARENA = 1, TINYC_KERNEL_FAILED = 4 } tinyc_status;
typedef struct { const char *name; const uint8_t *memory; uint32_t offset; uint32_t bytes; } tinyc_operator;
#endif
"""

TOY_H = """
#include "tinyc.h"
#define TOY_ARENA_BYTES 100u
#define TOY_ARENA_ALIGN 16u
#define TOY_OPERATORS 2u
tinyc_status toy_init(void *arena, size_t arena_bytes);
int8_t *toy_input_0(void);
int32_t *toy_input_1(void);
const int8_t *toy_output(void);
tinyc_status toy_invoke(void);
extern const tinyc_operator toy_operators[TOY_OPERATORS];
"""

# sum = a + weights at 52, then out = 2 * sum + b[0] at 84: the last byte written is the arena's last
TOY_C = """
#include "toy.h"
#include "provider.h"
#ifdef TINYC_OPERATOR_HOOK
void TINYC_OPERATOR_HOOK(unsigned op, unsigned phase);
#define HOOK(op, phase) TINYC_OPERATOR_HOOK((op), (phase))
#else
#define HOOK(op, phase) ((void)0)
#endif
extern const int8_t toy_weights[16];
static uint8_t *arena;

tinyc_status toy_init(void *memory, size_t bytes)
{
    if (bytes < TOY_ARENA_BYTES || (uintptr_t)memory % TOY_ARENA_ALIGN != 0u) {
        return TINYC_ARENA;
    }
    arena = memory;
    /*init*/
    return TINYC_OK;
}
int8_t *toy_input_0(void) { return (int8_t *)arena; }
int32_t *toy_input_1(void) { return (int32_t *)(void *)(arena + 16); }
const int8_t *toy_output(void) { return (int8_t *)arena + 84; }

static __attribute__((noinline)) tinyc_status op_0(void)
{
    provided_add((const int8_t *)arena, toy_weights, (int8_t *)arena + 52, 16);
    /*op_0*/
    return TINYC_OK;
}
static __attribute__((noinline)) tinyc_status op_1(void)
{
    const int8_t *sum = (const int8_t *)arena + 52;
    int8_t *out = (int8_t *)arena + 84;
    for (uint32_t i = 0; i < 16u; ++i) {
        out[i] = (int8_t)(2 * sum[i] + *toy_input_1());
    }
    /*op_1*/
    return TINYC_OK;
}
tinyc_status toy_invoke(void)
{
    HOOK(0u, 0u);
    tinyc_status status = op_0();
    HOOK(0u, 1u);
    if (status != TINYC_OK) {
        return status;
    }
    HOOK(1u, 0u);
    status = op_1();
    HOOK(1u, 1u);
    return status;
}
"""

OPERATORS_C = """
#include "toy.h"
const tinyc_operator toy_operators[TOY_OPERATORS] = {{"sum", NULL, 52u, 16u}, {"out", NULL, 84u, 16u}};
"""

WEIGHTS_C = """
#include <stdint.h>
extern const int8_t toy_weights[16];
const int8_t toy_weights[16] = {1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, -5, -6, -7, -8};
"""

PROVIDER_H = """
#include <stdint.h>
void provided_add(const int8_t *a, const int8_t *b, int8_t *out, int32_t n);
"""

PROVIDER_C = """
#include "provider.h"
void provided_add(const int8_t *a, const int8_t *b, int8_t *out, int32_t n)
{
    for (int32_t i = 0; i < n; ++i) {
        out[i] = (int8_t)(a[i] + b[i]);
    }
}
"""

WEIGHTS = bytes(value % 256 for value in (*range(1, 9), *range(-1, -9, -1)))

TOY = CProject(
    name="toy",
    files={
        "include/tinyc.h": TINYC_H,
        "include/toy.h": TOY_H,
        "toy.c": TOY_C,
        "toy_operators.c": OPERATORS_C,
        "toy_weights.c": WEIGHTS_C,
        "standin/provider.h": PROVIDER_H,
        "standin/provider.c": PROVIDER_C,
    },
    sources=("toy.c", "toy_operators.c", "toy_weights.c"),
    include_dirs=("include",),
    standin_sources=("standin/provider.c",),
    standin_include_dirs=("standin",),
    inputs=(Port("a", "toy_input_0", 16), Port("b", "toy_input_1", 4)),
    outputs=(Port("out", "toy_output", 16),),
    arena_bytes=100,
    arena_align=16,
    operators=("sum", "out"),
    weights_bytes=16,
    tables_bytes=0,
)

SAMPLES = [(bytes(range(16)), b"\x03\0\0\0"), (bytes(range(100, 116)), b"\xfd\xff\xff\xff")]


def sums(sample: tuple[bytes, ...]) -> bytes:
    """What operator 0 gives, worked out here."""
    return bytes((a + w) % 256 for a, w in zip(sample[0], WEIGHTS, strict=True))


def outputs(sample: tuple[bytes, ...]) -> bytes:
    """What the network gives, worked out here."""
    return bytes((2 * value + sample[1][0]) % 256 for value in sums(sample))


def spoiled(place: str, code: str) -> CProject:
    """The toy with `code` at the comment /*place*/."""
    assert f"/*{place}*/" in TOY_C
    return changed(f"/*{place}*/", code)


def changed(old: str, new: str) -> CProject:
    """The toy with `old` replaced in toy.c."""
    assert old in TOY_C
    return replace(TOY, files={**TOY.files, "toy.c": TOY_C.replace(old, new)})
