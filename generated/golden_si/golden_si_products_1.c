/* golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * Part of the product stage: products of A's along a trie that shares their leading factors. A node that stands for the
 * partial product p, and whose subtree has the value g: leaf with coefficient c and factor A(v): g += c A(v),
 * D(v) += c p; inner node with child value h: g += A(v) h, D(v) += p h.
 */
#include "golden_si_products.h"

/* Pointers are to the middle of the arrays: short offsets make short instructions, and their bytes are what takes time. */
#define A(v) a[(v) - 0]
#define D(v) d[(v) - 0]
#define C(k) c[(k) - 125]

/* Products with first factors A(6), ..., A(5). */
void golden_si_products_1(const lanes *restrict a, lanes *restrict d, const real *restrict c, double *restrict energy)
{
    lanes e = splat(0);
    { const lanes p1 = A(6); lanes g1 = splat(0);
      { const lanes p2 = p1 * A(6); lanes g2 = splat(C(0));
        g2 += C(1) * A(0); D(0) += C(1) * p2;
        g1 += A(6) * g2; D(6) += p1 * g2; }
      g1 += C(2) * A(7); D(7) += C(2) * p1;
      e += A(6) * g1; D(6) += g1; }
    { const lanes p1 = A(10); lanes g1 = splat(0);
      { const lanes p2 = p1 * A(10); lanes g2 = splat(C(3));
        g2 += C(4) * A(0); D(0) += C(4) * p2;
        g1 += A(10) * g2; D(10) += p1 * g2; }
      g1 += C(5) * A(11); D(11) += C(5) * p1;
      e += A(10) * g1; D(10) += g1; }
    { const lanes p1 = A(8); lanes g1 = splat(0);
      { const lanes p2 = p1 * A(8); lanes g2 = splat(C(6));
        g2 += C(7) * A(0); D(0) += C(7) * p2;
        g1 += A(8) * g2; D(8) += p1 * g2; }
      g1 += C(8) * A(9); D(9) += C(8) * p1;
      e += A(8) * g1; D(8) += g1; }
    { const lanes p1 = A(0); lanes g1 = splat(C(9));
      { const lanes p2 = p1 * A(0); lanes g2 = splat(C(10));
        g2 += C(11) * A(0); D(0) += C(11) * p2;
        g2 += C(12) * A(1); D(1) += C(12) * p2;
        g2 += C(13) * A(2); D(2) += C(13) * p2;
        g2 += C(14) * A(3); D(3) += C(14) * p2;
        g1 += A(0) * g2; D(0) += p1 * g2; }
      { const lanes p2 = p1 * A(1); lanes g2 = splat(C(15));
        g2 += C(16) * A(1); D(1) += C(16) * p2;
        g2 += C(17) * A(2); D(2) += C(17) * p2;
        g1 += A(1) * g2; D(1) += p1 * g2; }
      g1 += C(18) * A(2); D(2) += C(18) * p1;
      g1 += C(19) * A(3); D(3) += C(19) * p1;
      g1 += C(20) * A(4); D(4) += C(20) * p1;
      e += A(0) * g1; D(0) += g1; }
    { const lanes p1 = A(1); lanes g1 = splat(C(21));
      { const lanes p2 = p1 * A(1); lanes g2 = splat(C(22));
        g2 += C(23) * A(1); D(1) += C(23) * p2;
        g1 += A(1) * g2; D(1) += p1 * g2; }
      g1 += C(24) * A(2); D(2) += C(24) * p1;
      g1 += C(25) * A(3); D(3) += C(25) * p1;
      e += A(1) * g1; D(1) += g1; }
    { const lanes p1 = A(2); lanes g1 = splat(C(26));
      g1 += C(27) * A(2); D(2) += C(27) * p1;
      e += A(2) * g1; D(2) += g1; }
    e += C(28) * A(3); D(3) += C(28);
    e += C(29) * A(4); D(4) += C(29);
    e += C(30) * A(5); D(5) += C(30);
    add_energy(e, energy);
}
