/* -*- c++ -*- compute_acegen_grade_atom.h: how far each atom's environment is from the training data.
 *
 *     compute ID group acegen/grade/atom [model NAME] [file MODEL.so ELEMENT|NULL ...]
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#ifdef COMPUTE_CLASS
// clang-format off
ComputeStyle(acegen/grade/atom,ComputeACEGENGradeAtom);
// clang-format on
#else

#ifndef LMP_COMPUTE_ACEGEN_GRADE_ATOM_H
#define LMP_COMPUTE_ACEGEN_GRADE_ATOM_H

#include "compute.h"

#include "source_acegen.h"

#include <vector>

namespace LAMMPS_NS {

class ComputeACEGENGradeAtom : public Compute {
 public:
  ComputeACEGENGradeAtom(class LAMMPS *, int, char **);

  void init() override;
  void init_list(int, class NeighList *) override;
  void compute_peratom() override;
  double memory_usage() override;

 protected:
  SourceACEGEN source;
  std::vector<double> grade;    // [nlocal]
};

}    // namespace LAMMPS_NS

#endif
#endif
