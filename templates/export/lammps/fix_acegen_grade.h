/* -*- c++ -*- fix_acegen_grade.h: watches how far a simulation is from the training data of its model.
 *
 *     fix ID group acegen/grade N [select GRADE|none] [file DUMP] [max M] [interval STEPS] [stop GRADE|none]
 *                                 [error soft|continue] [model NAME]
 *
 * Every N steps the grades of the group's atoms are evaluated. If the largest is above `select`, the configuration is appended
 * to a file, at most M of them, and not within fewer than STEPS steps; if it is above `stop`, the run ends. Both are by default
 * the thresholds in the model.
 *
 * Includes headers of LAMMPS and is therefore under its license. SPDX-License-Identifier: GPL-2.0-only
 */
#ifdef FIX_CLASS
// clang-format off
FixStyle(acegen/grade,FixACEGENGrade);
// clang-format on
#else

#ifndef LMP_FIX_ACEGEN_GRADE_H
#define LMP_FIX_ACEGEN_GRADE_H

#include "fix.h"

#include "source_acegen.h"

#include <cstdio>
#include <string>
#include <vector>

namespace LAMMPS_NS {

class FixACEGENGrade : public Fix {
 public:
  FixACEGENGrade(class LAMMPS *, int, char **);
  ~FixACEGENGrade() override;

  int setmask() override;
  void init() override;
  void setup(int) override;
  void min_setup(int) override;
  void end_of_step() override;
  void min_post_force(int) override;
  void post_run() override;
  double compute_scalar() override;
  double compute_vector(int) override;
  double memory_usage() override;

 protected:
  /* An atom of a configuration that is written. */
  struct Row {
    tagint id;
    int type;
    double x[3], grade;
  };

  std::string user;
  SourceACEGEN source;

  // As given; thresholds of zero are those of the model.
  double select_given = 0.0, stop_given = 0.0;
  std::string path;
  int most = 100;
  int interval = 1;
  bool goes_on = false;    // later commands `run` are not skipped after a stop

  double select = 0.0, stop = 0.0;    // of this run; infinite for none
  FILE *file = nullptr;               // of the first process
  std::vector<double> grade;          // [nlocal]

  // Of the last evaluation.
  bigint evaluated = -1;
  double largest = 0.0;
  tagint where = 0;    // ID of that atom
  bigint above = 0;    // atoms over `select`

  int written = 0;
  bigint last_written = -1;
  bool stopped = false;

  void read_keyword(const std::string &, const char *);
  double threshold(const std::string &, const char *) const;
  void open_file();
  void evaluate();
  void find_largest();
  void write_configuration();
  std::vector<Row> gather_rows() const;
  std::string configuration(const std::vector<Row> &) const;
  void end_run();
};

}    // namespace LAMMPS_NS

#endif
#endif
