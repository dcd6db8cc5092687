/* golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * The product stage: the potential as a combination of 31 products, 80 multiply-adds a centre.
 * Its parts are in golden_si_products_1.c.
 */
#include "golden_si_products.h"

/* Coefficients by centre element, in the order of use, and what lies within reach of the last. */
static const real COEFFICIENTS[N_SPECIES][156] = {
    { /* Si */
        -0.15219799845481272, 0.2545584412271571, 0.26732101070991376, -0.15219799845481272,
        0.2545584412271571, 0.26732101070991376, -0.15219799845481272, 0.2545584412271571,
        0.26732101070991376, 1.8221010725507096, -0.3762735733879522, 0.11785113019775792,
        0.24965349948697729, 0.28062430400804561, 0.30304576336566319, -0.65385812791871556,
        0.27835110713445205, 0.44551959851998252, -0.43175080726162762, -0.40688890332810679,
        0.23331724687588767, 1.1803167648555288, -0.15701280036892548, 0.19018144357818267,
        -0.49295422019742002, 0.12104771023795864, 0.82895403753798069, 0.21117793828172685,
        0.83113038282143092, 0.42775286803467244, 0.37428418214891301,
    },
};

/* A part for all blocks, so that its code is fetched once. */
#define PART(number, first) \
    for (int k = 0; k < count; ++k) \
        golden_si_products_##number(blocks[k].A + 0, blocks[k].D + 0, c + (first), blocks[k].energy)

void golden_si_products(int32_t center, block *blocks, int count)
{
    const real *c = COEFFICIENTS[center] + 125;
    PART(1, 0);
}
