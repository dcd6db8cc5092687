/* Clock of the stages of a generated potential kernel, included before a copy of NAME_potential.c in which calls of the
 * stages are wrapped in TIMED(). A stage takes the time between its beginning and its end, less that of the clock. */
#include <time.h>

enum { GATHER, POOL, PRODUCTS, FORCES, N_STAGES };

static double stage_seconds[N_STAGES], stage_start, clock_seconds;

static double now(void)
{
    struct timespec t;
    __asm__ volatile("" ::: "memory"); /* the compiler moves nothing across */
    clock_gettime(CLOCK_MONOTONIC, &t);
    __asm__ volatile("" ::: "memory");
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void stage_end(int stage)
{
    stage_seconds[stage] += now() - stage_start - clock_seconds;
}

/* The least time between two readings. */
static double clock_time(void)
{
    double least = 1.0;
    for (int k = 0; k < 64; ++k) {
        const double before = now(), difference = now() - before;
        if (difference < least) least = difference;
    }
    return least;
}

#define TIMED(STAGE, CALL) (stage_start = now(), (CALL), stage_end(STAGE))
#define TIMED_STATUS(STAGE, CALL) ({ stage_start = now(); const acegen_status of_stage = (CALL); stage_end(STAGE); of_stage; })
