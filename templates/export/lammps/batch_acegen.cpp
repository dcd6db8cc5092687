/* batch_acegen.cpp: see batch_acegen.h.
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#include "batch_acegen.h"

#include "model_acegen.h"

#include "atom.h"
#include "neigh_list.h"

#include <algorithm>
#include <cmath>

using namespace LAMMPS_NS;

void BatchACEGEN::gather(const Atom *atom, const ModelACEGEN &model, const NeighList *list, const int *centres, int count)
{
  const double *const x = atom->x[0];    // [atoms][3], contiguous as all of LAMMPS' own
  const int *const type = atom->type;
  const int *const species_of = model.species.data();
  const int n_types = atom->ntypes + 1;
  size_t room = 1;
  for (int k = 0; k < count; ++k) room += list->numneigh[centres[k]];
  center.resize(count);
  first.resize(count + 1);
  if (neighbour.size() < room) {
    neighbour.resize(room);
    species.resize(room);
    displacement.resize(3 * room);
  }
  double *const displacements = displacement.data();
  int *const atoms = neighbour.data();
  int32_t *const elements = species.data();
  int64_t kept = 0;
  most = 0;
  for (int k = 0; k < count; ++k) {
    const int64_t i = centres[k];
    const int *const neighbours = list->firstneigh[i];
    const int n_neighbours = list->numneigh[i];
    const double *const cutoffs = &model.cutoff_squared[type[i] * n_types];
    const double xi = x[3 * i], yi = x[3 * i + 1], zi = x[3 * i + 2];
    // What has flown away without end would be nobody's neighbour, and so not be refused by the model.
    if (!std::isfinite(xi * xi + yi * yi + zi * zi)) model.refuse(ACEGEN_NOT_FINITE, int(i));
    center[k] = species_of[type[i]];
    first[k] = kept;
    for (int m = 0; m < n_neighbours; ++m) {
      const int64_t j = neighbours[m] & NEIGHMASK;
      const double dx = x[3 * j] - xi, dy = x[3 * j + 1] - yi, dz = x[3 * j + 2] - zi;
      double *const d = &displacements[3 * kept];
      d[0] = dx;
      d[1] = dy;
      d[2] = dz;
      atoms[kept] = int(j);
      elements[kept] = species_of[type[j]];
      kept += !(dx * dx + dy * dy + dz * dz >= cutoffs[type[j]]);    // NaN is kept: the model refuses it
    }
    most = std::max(most, kept - first[k]);
  }
  first[count] = kept;
}

acegen_environments BatchACEGEN::environments() const
{
  acegen_environments environments;
  environments.n_atoms = static_cast<int64_t>(center.size());
  environments.center = center.data();
  environments.first = first.data();
  environments.species = species.data();
  environments.displacement = displacement.data();
  return environments;
}

char *BatchACEGEN::workspace(size_t bytes)
{
  if (memory.size() < bytes) memory.resize(bytes);
  return memory.data();
}

double BatchACEGEN::memory_usage() const
{
  return double(memory.capacity()) + sizeof(int32_t) * (center.capacity() + species.capacity()) +
      sizeof(int64_t) * first.capacity() + sizeof(double) * displacement.capacity() + sizeof(int) * neighbour.capacity();
}
