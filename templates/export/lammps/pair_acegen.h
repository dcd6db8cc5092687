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

#include "acegen_loader.h"

#include <cstdint>
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

 protected:
  acegen::ModelLibrary library;
  double energy_unit;    // units of LAMMPS in one eV

  // Some of the centres of the neighbour list, as the model takes them: only their neighbours inside the cutoff are copied.
  std::vector<int32_t> center, species;
  std::vector<int64_t> first;
  std::vector<double> displacement, energy, gradient;
  std::vector<int> neighbour;    // local index of the atom of each entry
  std::vector<char> workspace;

  // Squared cutoffs by type of centre and neighbour, negative where the model has no such pair.
  std::vector<double> cutoff_squared;

  void allocate();
  void open_model(const std::string &);
  void check_ghosts();
  void check_special();
  int64_t gather(int, int);
  void evaluate(int, int64_t);
  void scatter(int, int);
  void tally_virials(int, int);
  [[noreturn]] void refuse(acegen_status, int);
};

}    // namespace LAMMPS_NS

#endif
#endif
