"""NAME_profile.h and NAME_profile.c: counts the cycles of every operator on the board and prints them as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyc.codegen.text import string

if TYPE_CHECKING:
    from tinyc.codegen.emit import Network

COLUMNS = ("number", "operator", "kernel", "macs", "calls", "cycles")
COUNTER = "tinyc_cycles.h"  # in the runtime folder


def profile_files(network: Network) -> dict[str, str]:
    """The two files by name. They work with TINYC_OPERATOR_HOOK defined as NAME_profile_hook."""
    return {f"{network.prefix}_profile.h": _header(network), f"{network.prefix}_profile.c": _source(network)}


def _header(network: Network) -> str:
    p, guard = network.prefix, f"{network.macro}_PROFILE_H"
    return f"""/* Cycles of every operator of {p}, counted on the board. Compile everything with
 * -DTINYC_OPERATOR_HOOK={p}_profile_hook (CMake: -D{network.macro}_PROFILE=ON). */
#ifndef {guard}
#define {guard}

#ifdef __cplusplus
extern "C" {{
#endif

/* Starts the counter (see {COUNTER}) and forgets what was counted. 0, or 1 where the counter does not run. */
int {p}_profile_start(void);

/* The operators' hook. */
void {p}_profile_hook(unsigned op, unsigned phase);

/* Hands over, character by character, a line of CSV for every operator: {", ".join(COLUMNS)}.
 * `calls` is how often it ran since the start (streamed operators run once for every row), `cycles` all of them. */
void {p}_profile_print(void (*put)(char character));

#ifdef __cplusplus
}}
#endif

#endif
"""


def _rows(network: Network) -> list[str]:
    """The columns that are known at compile time, as C strings; names in quotes, as CSV has them."""
    known: dict[int, tuple[str, str, int]] = {}
    for writer, (times, call) in zip(network.writers, network.program.runs(), strict=True):
        macs = known.get(writer.number, ("", "", 0))[2] + times * call.site.op.macs(call.site.sig)
        known[writer.number] = (call.node, call.kernel.name, macs)
    return [
        string(f'{number},"{name.replace(chr(34), chr(34) * 2)}",{kernel},{macs},')
        for number, (name, kernel, macs) in known.items()
    ]


def _source(network: Network) -> str:
    p, count = network.prefix, f"{network.macro}_OPERATORS"
    rows = ",\n    ".join(_rows(network)) or '""'
    slots = count if network.operators else "1u"
    return f"""#include "{p}_profile.h"

#include "{p}.h"
#include "{COUNTER}"

static const char *const operators[] = {{
    {rows}
}};

static uint64_t cycles[{slots}];
static uint32_t calls[{slots}];
static uint32_t began;
static uint32_t hook_cycles; /* what an operator that does nothing would take */

void {p}_profile_hook(unsigned op, unsigned phase)
{{
    const uint32_t now = tinyc_cycles();
    if (phase != 0u) {{
        const uint32_t passed = (now - began) & TINYC_CYCLES_MASK;
        cycles[op] += passed > hook_cycles ? passed - hook_cycles : 0u;
        calls[op]++;
    }}
    began = tinyc_cycles();
}}

int {p}_profile_start(void)
{{
    void (*volatile hook)(unsigned, unsigned) = {p}_profile_hook;
    tinyc_start_cycles();
    const uint32_t first = tinyc_cycles();
    hook_cycles = 0u;
    cycles[0] = 0u;
    hook(0u, 0u);
    hook(0u, 1u);
    hook_cycles = (uint32_t)cycles[0];
    for (unsigned op = 0u; op < sizeof cycles / sizeof cycles[0]; op++) {{
        cycles[op] = 0u;
        calls[op] = 0u;
    }}
    return tinyc_cycles() == first;
}}

static void put_text(void (*put)(char), const char *text)
{{
    while (*text != '\\0') {{
        put(*text++);
    }}
}}

static void put_number(void (*put)(char), uint64_t number)
{{
    char digits[21];
    char *first = digits + sizeof digits - 1;
    *first = '\\0';
    do {{
        *--first = (char)('0' + (char)(number % 10u));
        number /= 10u;
    }} while (number != 0u);
    put_text(put, first);
}}

void {p}_profile_print(void (*put)(char character))
{{
    put_text(put, "{",".join(COLUMNS)}\\n");
    for (unsigned op = 0u; op < {count}; op++) {{
        put_text(put, operators[op]);
        put_number(put, calls[op]);
        put(',');
        put_number(put, cycles[op]);
        put('\\n');
    }}
}}
"""
