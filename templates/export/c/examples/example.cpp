// Energies, forces and stress of the structures of an extended XYZ file, and how far to trust them: how a program in C++ calls
// a compiled model.
//
//     example_cxx [--check] FILE
//
// --check: exit with 1 if results deviate from labels in the file by more than rounding.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <memory>
#include <new>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "extxyz.h"
#include "model.h"
#include "neighbours.h"
#include "report.h"

namespace {

// What has been reported already; the program only has to end.
struct Failure : std::runtime_error {
    Failure() : std::runtime_error("failed") {}
};

struct Frame : extxyz_frame {
    Frame() : extxyz_frame() {}
    ~Frame() { extxyz_free(this); }
    Frame(const Frame &) = delete;
    Frame &operator=(const Frame &) = delete;
};

struct NeighbourList : neighbour_list {
    NeighbourList(const extxyz_frame &frame, double cutoff) : neighbour_list()
    {
        if (neighbours_find(frame.n_atoms, frame.position, frame.cell, frame.periodic, cutoff, this)) throw Failure();
    }
    ~NeighbourList() { neighbours_free(this); }
    NeighbourList(const NeighbourList &) = delete;
    NeighbourList &operator=(const NeighbourList &) = delete;
};

struct Results {
    double energy;
    std::vector<double> force; // [n_atoms][3]
    std::array<double, 9> virial;
    std::vector<double> grade; // [n_atoms], of models that have grades
    double deviation;          // of the energy, of models that have a committee
};

// A compiled model with memory of its own to work in: one per thread.
class Potential {
public:
    explicit Potential(const acegen_model *model) : model_(model)
    {
        const int n = model->n_species;
        cutoff_ = *std::max_element(model->cutoffs, model->cutoffs + n * n);
    }

    // Energy, forces and virial of a frame.
    Results evaluate(const extxyz_frame &frame, const report &report)
    {
        // Neighbours within the largest cutoff: what is beyond a smaller one of its pair contributes exactly zero.
        const NeighbourList list(frame, cutoff_);
        const std::size_t n = static_cast<std::size_t>(frame.n_atoms), entries = static_cast<std::size_t>(list.n_entries);
        std::vector<std::int32_t> species(n), neighbour_species(entries);
        for (std::size_t i = 0; i < n; ++i) species[i] = species_of(frame.atomic_number[i], report);
        for (std::size_t k = 0; k < entries; ++k) neighbour_species[k] = species[static_cast<std::size_t>(list.neighbour[k])];

        const acegen_environments environments = {frame.n_atoms, species.data(), list.first, neighbour_species.data(),
                                                  list.displacement};
        std::vector<double> site_energy(n), gradient(3 * entries);
        std::int64_t failed_atom = -1;
        reserve(model_->potential_workspace(list.most, N_THREADS));
        const acegen_status status = model_->potential(&environments, site_energy.data(), gradient.data(), N_THREADS,
                                                       workspace_.data(), workspace_.size(), &failed_atom);
        check(status, failed_atom, report);
        Results results = gather(list, n, site_energy, gradient);

        // Not every model has these. A simulation evaluates grades every some steps.
        if (model_->grade) results.grade = grades(environments, list.most, report);
        if (model_->committee) results.deviation = deviation(environments, list.most, report);
        return results;
    }

private:
    static const std::int32_t N_THREADS = 1;

    void reserve(std::size_t bytes)
    {
        if (workspace_.size() < bytes) workspace_.resize(bytes);
    }

    static void check(acegen_status status, std::int64_t failed_atom, const report &report)
    {
        if (status == ACEGEN_OK) return;
        report_status(&report, status, failed_atom);
        throw Failure();
    }

    std::vector<double> grades(const acegen_environments &environments, std::int64_t most, const report &report)
    {
        std::vector<double> grade(static_cast<std::size_t>(environments.n_atoms));
        std::int64_t failed_atom = -1;
        reserve(model_->grade_workspace(most, N_THREADS));
        const acegen_status status = model_->grade(&environments, grade.data(), N_THREADS, workspace_.data(),
                                                   workspace_.size(), &failed_atom);
        check(status, failed_atom, report);
        return grade;
    }

    // The error to be expected of the energy, from the spread of the members' energies, each that of all sites.
    double deviation(const acegen_environments &environments, std::int64_t most, const report &report)
    {
        const std::size_t n = static_cast<std::size_t>(environments.n_atoms);
        const std::size_t members = static_cast<std::size_t>(model_->n_members);
        const std::size_t entries = static_cast<std::size_t>(environments.first[n] - environments.first[0]);
        std::vector<double> energy(n * members), gradient(3 * entries * members);
        std::int64_t failed_atom = -1;
        reserve(model_->committee_workspace(most, N_THREADS));
        const acegen_status status = model_->committee(&environments, energy.data(), gradient.data(), N_THREADS,
                                                       workspace_.data(), workspace_.size(), &failed_atom);
        check(status, failed_atom, report);
        double variance = 0.0;
        for (std::size_t k = 0; k < members; ++k) {
            double sum = 0.0;
            for (std::size_t i = 0; i < n; ++i) sum += energy[i * members + k];
            variance += sum * sum / static_cast<double>(members);
        }
        const double *calibration = model_->committee_calibration;
        return std::hypot(static_cast<double>(n) * calibration[0], calibration[1] * std::sqrt(variance));
    }

    // The model counts its elements from 0.
    std::int32_t species_of(std::int32_t atomic_number, const report &report) const
    {
        const std::int32_t *begin = model_->atomic_numbers, *end = begin + model_->n_species;
        const std::int32_t *found = std::find(begin, end, atomic_number);
        if (found == end) {
            report_element(&report, model_, atomic_number);
            throw Failure();
        }
        return static_cast<std::int32_t>(found - begin);
    }

    // The gradient is that of the energy of centre i with respect to the displacement r = r_j - r_i: moving the neighbour
    // one way changes the energy as moving the centre the other way.
    static Results gather(const neighbour_list &list, std::size_t n, const std::vector<double> &site_energy,
                          const std::vector<double> &gradient)
    {
        Results results = {std::accumulate(site_energy.begin(), site_energy.end(), 0.0), std::vector<double>(3 * n), {}, {}, 0.0};
        for (std::size_t i = 0; i < n; ++i)
            for (std::int64_t k = list.first[i]; k < list.first[i + 1]; ++k) {
                const double *g = gradient.data() + 3 * k, *r = list.displacement + 3 * k;
                for (std::size_t a = 0; a < 3; ++a) {
                    results.force[3 * i + a] += g[a];
                    results.force[3 * static_cast<std::size_t>(list.neighbour[k]) + a] -= g[a];
                    for (std::size_t b = 0; b < 3; ++b) results.virial[3 * a + b] -= r[a] * g[b];
                }
            }
        return results;
    }

    const acegen_model *model_;
    double cutoff_;
    std::vector<unsigned char> workspace_;
};

int run(const char *path, bool check)
{
    const acegen_model *model = MODEL();
    if (report_model(model)) return 1;
    const std::unique_ptr<extxyz_file, void (*)(extxyz_file *)> file(extxyz_open(path), extxyz_close);
    if (!file) return 1;
    Potential potential(model);
    report report = {};
    for (;;) {
        Frame frame;
        const int more = extxyz_read(file.get(), &frame);
        if (more < 0) return 1;
        if (more == 0) return report_end(&report, check);
        const Results results = potential.evaluate(frame, report);
        std::array<double, 9> stress;
        const double volume = cell_volume(frame.cell);
        for (std::size_t k = 0; k < 9; ++k) stress[k] = -results.virial[k] / volume;
        const bool periodic = std::all_of(frame.periodic, frame.periodic + 3, [](std::int32_t p) { return p != 0; });
        report_frame(&report, model, &frame, results.energy, results.force.data(), periodic ? stress.data() : nullptr);
        const std::vector<double> &grade = results.grade;
        const auto largest = std::max_element(grade.begin(), grade.end());
        if (largest != grade.end()) report_grade(model, *largest, largest - grade.begin());
        if (model->committee) report_deviation(model, results.deviation);
    }
}

} // namespace

int main(int argc, char **argv)
{
    const bool check = argc > 1 && std::strcmp(argv[1], "--check") == 0;
    if (argc != 2 + check) {
        std::cerr << "usage: " << argv[0] << " [--check] FILE\n";
        return 1;
    }
    try {
        return run(argv[1 + check], check);
    } catch (const Failure &) {
        return 1;
    } catch (const std::bad_alloc &) {
        std::cerr << "out of memory\n";
        return 1;
    }
}
