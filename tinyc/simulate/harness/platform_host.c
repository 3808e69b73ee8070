#include "platform.h"

#include <stdio.h>
#include <stdlib.h>

#if defined(__has_feature)
    #if __has_feature(address_sanitizer)
        #define HARNESS_POISON 1
    #endif
#elif defined(__SANITIZE_ADDRESS__)
    #define HARNESS_POISON 1
#endif
#ifdef HARNESS_POISON
    #include <sanitizer/asan_interface.h>
#endif

static FILE *samples;
static FILE *results;

static void give_up(const char *what)
{
    perror(what);
    exit(2);
}

int platform_start(void)
{
    samples = fopen("samples.bin", "rb");
    results = fopen("results.bin", "wb");
    if (samples == NULL || results == NULL)
    {
        give_up("harness: open");
    }
    return 0;
}

void platform_read(void *to, uint32_t bytes)
{
    if (fread(to, 1, bytes, samples) != bytes)
    {
        give_up("harness: read");
    }
}

void platform_write(const void *from, uint32_t bytes)
{
    if (bytes != 0u && fwrite(from, 1, bytes, results) != bytes)
    {
        give_up("harness: write");
    }
}

void platform_exit(void)
{
    if (fclose(results) != 0)
    {
        give_up("harness: close");
    }
    exit(0);
}

measurement platform_measure(harness_call call)
{
    /* what was written so far survives a crash in the call */
    fflush(results);
    measurement measured = {0, 0, TINYC_OK};
    measured.status = call();
    return measured;
}

void platform_hide(const void *start, size_t bytes, int hide)
{
#ifdef HARNESS_POISON
    if (hide != 0)
    {
        __asan_poison_memory_region(start, bytes);
    }
    else
    {
        __asan_unpoison_memory_region(start, bytes);
    }
#else
    (void)start;
    (void)bytes;
    (void)hide;
#endif
}
