/* -*- c++ -*- pair_acegen.h: the LAMMPS pair style acegen.
 *
 * Evaluates any model compiled by acegen, through the interface in acegen.h. Includes headers of LAMMPS and is therefore
 * under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#ifdef PAIR_CLASS
// clang-format off
PairStyle(acegen,PairACEGEN);
// clang-format on
#else

#ifndef LMP_PAIR_ACEGEN_H
#define LMP_PAIR_ACEGEN_H

#include "pair.h"

#include "batch_acegen.h"
#include "model_acegen.h"

#include <vector>

namespace LAMMPS_NS {

class PairACEGEN : public Pair {
 public:
  PairACEGEN(class LAMMPS *);
  ~PairACEGEN() override;

  void compute(int, int) override;
  void settings(int, char **) override;
  void coeff(int, char **) override;
  void init_style() override;
  double init_one(int, int) override;
  double memory_usage() override;

  /* The model and its atom types, for computes and fixes that evaluate it too. */
  const ModelACEGEN &get_model() const { return model; }

 protected:
  ModelACEGEN model;
  BatchACEGEN batch;
  std::vector<double> energy, gradient;    // of the batch
  double energy_unit;    // units of LAMMPS in one eV

  void allocate();
  void evaluate(const int *, int);
  void scatter(const int *, int);
  void tally_virials(const int *, int);
};

}    // namespace LAMMPS_NS

#endif
#endif
