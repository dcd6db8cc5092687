/* -*- c++ -*- compute_acegen_uncertainty_atom.h: errors to be expected of energies and forces, from the model's committee.
 *
 *     compute ID group acegen/uncertainty/atom [model NAME] [file MODEL.so ELEMENT|NULL ...]
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#ifdef COMPUTE_CLASS
// clang-format off
ComputeStyle(acegen/uncertainty/atom,ComputeACEGENUncertaintyAtom);
// clang-format on
#else

#ifndef LMP_COMPUTE_ACEGEN_UNCERTAINTY_ATOM_H
#define LMP_COMPUTE_ACEGEN_UNCERTAINTY_ATOM_H

#include "compute.h"

#include "source_acegen.h"

#include <vector>

namespace LAMMPS_NS {

/* Standard deviations of each atom: of its energy, and of the three components of its force; the scalar is that of the energy
 * of all atoms of the model. */
class ComputeACEGENUncertaintyAtom : public Compute {
 public:
  ComputeACEGENUncertaintyAtom(class LAMMPS *, int, char **);
  ~ComputeACEGENUncertaintyAtom() override;

  void init() override;
  void init_list(int, class NeighList *) override;
  double compute_scalar() override;
  void compute_peratom() override;
  int pack_reverse_comm(int, int, double *) override;
  void unpack_reverse_comm(int, int *, double *) override;
  double memory_usage() override;

 protected:
  SourceACEGEN source;
  int n_members = 0;
  int room = 0;                     // rows of array_atom
  bigint evaluated = -1;            // step of what follows
  std::vector<double> energies;     // [nlocal][n_members] each member's deviation
  std::vector<double> forces;       // [nlocal + nghost][n_members][3]
  std::vector<double> batch_energy, batch_gradient;

  void evaluate();
  void scatter(const int *, int);
};

}    // namespace LAMMPS_NS

#endif
#endif
