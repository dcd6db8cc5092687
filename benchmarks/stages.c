/* Times the stages of a generated potential kernel. A small file that has included NAME_potential.c, and has defined
 * PRODUCTS_OF_MODEL as the name of its product stage, includes this one. The loop is that of potential_range(), with a clock
 * read between the stages. */
enum { GATHER, POOL, PRODUCTS, FORCES, N_STAGES };

int time_stages(const acegen_environments *env, double *energy, double *gradient, void *workspace, double *seconds);

static double now(void)
{
    struct timespec t;
    __asm__ volatile("" ::: "memory"); /* no work is moved across */
    clock_gettime(CLOCK_MONOTONIC, &t);
    __asm__ volatile("" ::: "memory");
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of each stage, summed over all blocks, less the time of reading the clock. */
int time_stages(const acegen_environments *env, double *energy, double *gradient, void *workspace, double *seconds)
{
    slot *slots = aligned_slots(workspace);
    double clock = 1.0;
    for (int k = 0; k < 64; ++k) {
        const double before = now(), difference = now() - before;
        if (difference < clock) clock = difference;
    }
    for (int k = 0; k < N_STAGES; ++k) seconds[k] = 0.0;
    for (int32_t center = 0; center < N_SPECIES; ++center) {
        int64_t next = 0, atom[LANES];
        while (next_block(env, center, &next, env->n_atoms, atom)) {
            lanes A[N_VALUES], D[N_VALUES];
            double E[LANES] = {0};
            void *volatile escape[] = { A, D, E }; /* so that the barriers concern them */
            (void)escape;
            neighbourhood near[N_SPECIES];
            double t[N_STAGES + 1];
            t[0] = now();
            const acegen_status status = gather(env, center, atom, slots, near, NULL);
            if (status != ACEGEN_OK) return (int)status;
            t[1] = now();
            memset(A, 0, N_POOLED * sizeof *A);
            for (int32_t species = 0; species < N_SPECIES; ++species) pool(species, near[species], A);
            t[2] = now();
            memset(D, 0, sizeof D);
            PRODUCTS_OF_MODEL(center, A, D, E);
            t[3] = now();
            for (int32_t species = 0; species < N_SPECIES; ++species) forces(species, near[species], env->first[0], D, gradient);
            t[4] = now();
            for (int lane = 0; lane < LANES; ++lane)
                if (atom[lane] >= 0) energy[atom[lane]] = E[lane];
            for (int k = 0; k < N_STAGES; ++k) seconds[k] += t[k + 1] - t[k] - clock;
        }
    }
    return 0;
}
