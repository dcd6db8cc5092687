/* Multiply-adds per second of one core: enough independent chains a = a x + y to hide the latency, in registers of the
 * width that the kernels use. The values are unknown at compile time, so nothing is folded. */
#define _POSIX_C_SOURCE 199309L
#include <time.h>

double peak(long rounds);

static volatile double factor = 0.999, addend = 1e-3, sink;

#define CHAINS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define DECLARE(i) wide a##i = start + (double)(i);
#define STEP(i) a##i = a##i * x + y;
#define COLLECT(i) total += a##i;

double peak(long rounds)
{
    typedef double wide __attribute__((vector_size(VECTOR_BYTES)));
    const wide start = {0}, x = start + factor, y = start + addend;
    CHAINS(DECLARE)
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long round = 0; round < rounds; ++round) {
        CHAINS(STEP)
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    wide total = start;
    CHAINS(COLLECT)
    sink = total[0];
    const double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    return 12.0 * (double)rounds * (VECTOR_BYTES / sizeof(double)) / seconds;
}
