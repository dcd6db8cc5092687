/* batch_acegen.h: environments of some atoms in LAMMPS, as a model takes them.
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef LMP_BATCH_ACEGEN_H
#define LMP_BATCH_ACEGEN_H

#include "acegen.h"

#include <cstdint>
#include <vector>

namespace LAMMPS_NS {

class BatchACEGEN {
 public:
  /* Centres that are handed to a model at once: enough to fill its lanes with atoms of like numbers of neighbours, few enough
   * for all that is copied to stay in the cache. */
  static constexpr int SIZE = 256;

  /* Copy what lies inside the cutoff of `count` centres (local indices) of a full list. What has no finite position is
   * refused. */
  void gather(const class Atom *, const class ModelACEGEN &, const class NeighList *, const int *centres, int count);

  /* For calls of the model; valid until the next gather(). */
  acegen_environments environments() const;
  int64_t entries() const { return first.back(); }

  /* Memory for a call; grows only. */
  char *workspace(size_t bytes);
  double memory_usage() const;

  std::vector<int64_t> first;            // where the neighbours of each centre begin
  std::vector<double> displacement;      // Å
  std::vector<int> neighbour;            // local index of the atom of each entry
  int64_t most = 0;                      // largest number of neighbours

 private:
  std::vector<int32_t> center, species;
  std::vector<char> memory;
};

}    // namespace LAMMPS_NS

#endif
