! Fortran's view of acegen.h, the interface of compiled ACE models, where every argument is described. The same for every
! model; compile it with the file acegen_NAME.f90 of each model that is used.
!
!     use acegen
!     use acegen_NAME
!     type(acegen_potential) :: potential
!     call acegen_open(acegen_model_NAME(), potential, failure)
!
! SPDX-License-Identifier: MIT
module acegen
    use, intrinsic :: iso_c_binding
    implicit none
    private
    public :: acegen_environments, acegen_model, acegen_potential, acegen_open, acegen_species_of
    public :: acegen_workspace_size, acegen_evaluate, acegen_grade, acegen_committee, acegen_abi_version
    public :: ACEGEN_OK, ACEGEN_BAD_ARGUMENT, ACEGEN_SMALL_WORKSPACE, ACEGEN_UNKNOWN_SPECIES, ACEGEN_NOT_FINITE
    public :: ACEGEN_COINCIDENT, ACEGEN_OUTSIDE

    integer(c_int32_t), parameter :: acegen_abi_version = 5

    ! What a call returns.
    enum, bind(c)
        enumerator :: ACEGEN_OK = 0
        enumerator :: ACEGEN_BAD_ARGUMENT = 1
        enumerator :: ACEGEN_SMALL_WORKSPACE = 2
        enumerator :: ACEGEN_UNKNOWN_SPECIES = 3
        enumerator :: ACEGEN_NOT_FINITE = 4
        enumerator :: ACEGEN_COINCIDENT = 5
        enumerator :: ACEGEN_OUTSIDE = 6
    end enum

    ! Atomic environments. Species count from 0, and `first` is where the neighbours of each centre begin, from 0 too.
    type, bind(c) :: acegen_environments
        integer(c_int64_t) :: n_atoms
        type(c_ptr) :: center        ! int32 (n_atoms)
        type(c_ptr) :: first         ! int64 (n_atoms + 1)
        type(c_ptr) :: species       ! int32 (entries)
        type(c_ptr) :: displacement  ! double (3, entries): neighbour minus centre, Å
    end type

    ! The struct acegen_model, field by field. acegen_potential below is what a program in Fortran uses.
    type, bind(c) :: acegen_model
        integer(c_int32_t) :: abi_version
        type(c_ptr) :: symmetry
        integer(c_int32_t) :: dimension
        integer(c_int32_t) :: n_species
        integer(c_int32_t) :: n_basis
        integer(c_int32_t) :: n_pair
        integer(c_int32_t) :: max_order
        type(c_ptr) :: name
        type(c_ptr) :: basis_hash
        type(c_ptr) :: model_hash
        type(c_ptr) :: generator
        type(c_ptr) :: atomic_numbers
        type(c_ptr) :: cutoffs
        type(c_ptr) :: atomic_energies
        integer(c_int32_t) :: single_precision
        integer(c_int32_t) :: multithreaded
        type(c_funptr) :: basis_workspace
        type(c_funptr) :: potential_workspace
        type(c_funptr) :: basis
        type(c_funptr) :: design
        type(c_funptr) :: potential
        type(c_funptr) :: reference
        type(c_ptr) :: grade_kind
        type(c_ptr) :: grade_thresholds
        type(c_funptr) :: grade_workspace
        type(c_funptr) :: grade
        integer(c_int32_t) :: n_members
        type(c_ptr) :: committee_calibration
        type(c_ptr) :: committee_quantiles
        type(c_funptr) :: committee_workspace
        type(c_funptr) :: committee
    end type

    abstract interface
        ! Bytes of scratch memory for evaluate, grade or committee, if no centre has more than max_neighbours entries.
        function acegen_workspace_size(max_neighbours, n_threads) result(bytes) bind(c)
            import :: c_int32_t, c_int64_t, c_size_t
            integer(c_int64_t), value :: max_neighbours
            integer(c_int32_t), value :: n_threads
            integer(c_size_t) :: bytes
        end function

        ! Site energies (eV) and their gradient (eV/Å), as potential() in acegen.h.
        function acegen_evaluate(environments, energy, gradient, n_threads, workspace, workspace_size, failed_atom) &
                result(status) bind(c)
            import :: acegen_environments, c_double, c_int, c_int32_t, c_int64_t, c_ptr, c_size_t
            type(acegen_environments), intent(in) :: environments
            real(c_double), intent(inout) :: energy(*)       ! (n_atoms)
            real(c_double), intent(inout) :: gradient(3, *)  ! (3, entries)
            integer(c_int32_t), value :: n_threads
            type(c_ptr), value :: workspace
            integer(c_size_t), value :: workspace_size
            integer(c_int64_t), intent(out) :: failed_atom   ! from 0
            integer(c_int) :: status
        end function

        ! How far environments are from those the model was fitted to.
        function acegen_grade(environments, grade, n_threads, workspace, workspace_size, failed_atom) result(status) bind(c)
            import :: acegen_environments, c_double, c_int, c_int32_t, c_int64_t, c_ptr, c_size_t
            type(acegen_environments), intent(in) :: environments
            real(c_double), intent(inout) :: grade(*)        ! (n_atoms)
            integer(c_int32_t), value :: n_threads
            type(c_ptr), value :: workspace
            integer(c_size_t), value :: workspace_size
            integer(c_int64_t), intent(out) :: failed_atom   ! from 0
            integer(c_int) :: status
        end function

        ! Site energies of the members of a committee (eV) and their gradients (eV/Å), minus those of the potential.
        function acegen_committee(environments, energy, gradient, n_threads, workspace, workspace_size, failed_atom) &
                result(status) bind(c)
            import :: acegen_environments, c_double, c_int, c_int32_t, c_int64_t, c_ptr, c_size_t
            type(acegen_environments), intent(in) :: environments
            real(c_double), intent(inout) :: energy(*)       ! (n_members, n_atoms)
            real(c_double), intent(inout) :: gradient(3, *)  ! (3, entries, n_members)
            integer(c_int32_t), value :: n_threads
            type(c_ptr), value :: workspace
            integer(c_size_t), value :: workspace_size
            integer(c_int64_t), intent(out) :: failed_atom   ! from 0
            integer(c_int) :: status
        end function
    end interface

    ! A compiled model, ready for use.
    type :: acegen_potential
        type(acegen_model), pointer :: model => null()
        integer(c_int32_t), pointer :: atomic_numbers(:) => null()  ! (n_species)
        real(c_double), pointer :: cutoffs(:, :) => null()          ! by neighbour and centre, Å
        procedure(acegen_workspace_size), pointer, nopass :: workspace_size => null()
        procedure(acegen_evaluate), pointer, nopass :: evaluate => null()

        ! Null in models without grades.
        real(c_double), pointer :: grade_thresholds(:) => null()    ! (2)
        procedure(acegen_workspace_size), pointer, nopass :: grade_workspace_size => null()
        procedure(acegen_grade), pointer, nopass :: grade => null()

        ! Null in models without a committee.
        real(c_double), pointer :: calibration(:) => null()         ! (4)
        real(c_double), pointer :: quantiles(:, :) => null()        ! (3, 2)
        procedure(acegen_workspace_size), pointer, nopass :: committee_workspace_size => null()
        procedure(acegen_committee), pointer, nopass :: committee => null()
    end type

contains

    ! Make a model usable. `failure` is empty on success, else it says what is wrong.
    subroutine acegen_open(model, potential, failure)
        type(c_ptr), intent(in) :: model ! what acegen_model_NAME() returned
        type(acegen_potential), intent(out) :: potential
        character(:), allocatable, intent(out) :: failure
        procedure(acegen_workspace_size), pointer :: workspace_size
        procedure(acegen_evaluate), pointer :: evaluate
        procedure(acegen_grade), pointer :: grade
        procedure(acegen_committee), pointer :: committee
        integer(c_int32_t) :: n

        failure = ''
        if (.not. c_associated(model)) then
            failure = 'this processor lacks instructions the model was compiled for; build it again with other CFLAGS'
            return
        end if
        call c_f_pointer(model, potential%model)
        if (potential%model%abi_version /= acegen_abi_version) then
            failure = 'the model has another version of the interface than acegen.f90'
            return
        end if
        if (.not. c_associated(potential%model%potential)) then
            failure = 'the model was compiled without coefficients, it has no potential'
            return
        end if
        n = potential%model%n_species
        call c_f_pointer(potential%model%atomic_numbers, potential%atomic_numbers, [n])
        call c_f_pointer(potential%model%cutoffs, potential%cutoffs, [n, n])
        call c_f_procpointer(potential%model%potential_workspace, workspace_size)
        call c_f_procpointer(potential%model%potential, evaluate)
        potential%workspace_size => workspace_size
        potential%evaluate => evaluate
        if (c_associated(potential%model%grade)) then
            call c_f_pointer(potential%model%grade_thresholds, potential%grade_thresholds, [2])
            call c_f_procpointer(potential%model%grade_workspace, workspace_size)
            call c_f_procpointer(potential%model%grade, grade)
            potential%grade_workspace_size => workspace_size
            potential%grade => grade
        end if
        if (c_associated(potential%model%committee)) then
            call c_f_pointer(potential%model%committee_calibration, potential%calibration, [4])
            call c_f_pointer(potential%model%committee_quantiles, potential%quantiles, [3, 2])
            call c_f_procpointer(potential%model%committee_workspace, workspace_size)
            call c_f_procpointer(potential%model%committee, committee)
            potential%committee_workspace_size => workspace_size
            potential%committee => committee
        end if
    end subroutine

    ! Species index of an atomic number, from 0; -1 if the model lacks the element.
    pure function acegen_species_of(potential, atomic_number) result(species)
        type(acegen_potential), intent(in) :: potential
        integer(c_int32_t), intent(in) :: atomic_number
        integer(c_int32_t) :: species

        do species = 0, size(potential%atomic_numbers, kind=c_int32_t) - 1
            if (potential%atomic_numbers(species + 1) == atomic_number) return
        end do
        species = -1
    end function

end module
