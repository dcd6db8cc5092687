! Fortran's view of the C files beside this one, which read structures, make neighbour lists and print results.
module support
    use, intrinsic :: iso_c_binding
    implicit none
    public

    type, bind(c) :: extxyz_frame
        integer(c_int64_t) :: n_atoms
        type(c_ptr) :: atomic_number
        type(c_ptr) :: position
        type(c_ptr) :: force
        real(c_double) :: cell(9)
        integer(c_int32_t) :: periodic(3)
        integer(c_int32_t) :: has_energy
        integer(c_int32_t) :: has_stress
        real(c_double) :: energy
        real(c_double) :: stress(9)
    end type

    type, bind(c) :: neighbour_list
        integer(c_int64_t) :: n_entries
        integer(c_int64_t) :: most
        type(c_ptr) :: first
        type(c_ptr) :: neighbour
        type(c_ptr) :: displacement
    end type

    type, bind(c) :: report
        integer(c_int64_t) :: n_frames = 0
        integer(c_int32_t) :: n_labels = 0
        integer(c_int32_t) :: failed = 0
        real(c_double) :: energy = 0
        real(c_double) :: forces = 0
        real(c_double) :: stress = 0
    end type

    interface
        function extxyz_open(path) result(file) bind(c)
            import :: c_char, c_ptr
            character(kind=c_char), intent(in) :: path(*)
            type(c_ptr) :: file
        end function

        function extxyz_read(file, frame) result(more) bind(c)
            import :: c_int, c_ptr, extxyz_frame
            type(c_ptr), value :: file
            type(extxyz_frame), intent(out) :: frame
            integer(c_int) :: more
        end function

        subroutine extxyz_free(frame) bind(c)
            import :: extxyz_frame
            type(extxyz_frame), intent(inout) :: frame
        end subroutine

        subroutine extxyz_close(file) bind(c)
            import :: c_ptr
            type(c_ptr), value :: file
        end subroutine

        function neighbours_find(n_atoms, position, cell, periodic, cutoff, list) result(failed) bind(c)
            import :: c_double, c_int, c_int32_t, c_int64_t, c_ptr, neighbour_list
            integer(c_int64_t), value :: n_atoms
            type(c_ptr), value :: position
            real(c_double), intent(in) :: cell(9)
            integer(c_int32_t), intent(in) :: periodic(3)
            real(c_double), value :: cutoff
            type(neighbour_list), intent(out) :: list
            integer(c_int) :: failed
        end function

        subroutine neighbours_free(list) bind(c)
            import :: neighbour_list
            type(neighbour_list), intent(inout) :: list
        end subroutine

        function cell_volume(cell) result(volume) bind(c)
            import :: c_double
            real(c_double), intent(in) :: cell(9)
            real(c_double) :: volume
        end function

        subroutine report_frame(to, model, frame, energy, force, stress) bind(c)
            import :: c_double, c_ptr, extxyz_frame, report
            type(report), intent(inout) :: to
            type(c_ptr), value :: model
            type(extxyz_frame), intent(in) :: frame
            real(c_double), value :: energy
            real(c_double), intent(in) :: force(3, *)
            type(c_ptr), value :: stress ! (3, 3), or null
        end subroutine

        subroutine report_grade(model, grade, atom) bind(c)
            import :: c_double, c_int64_t, c_ptr
            type(c_ptr), value :: model
            real(c_double), value :: grade
            integer(c_int64_t), value :: atom ! from 0
        end subroutine

        subroutine report_deviation(model, deviation) bind(c)
            import :: c_double, c_ptr
            type(c_ptr), value :: model
            real(c_double), value :: deviation
        end subroutine

        subroutine report_element(to, model, atomic_number) bind(c)
            import :: c_int32_t, c_ptr, report
            type(report), intent(in) :: to
            type(c_ptr), value :: model
            integer(c_int32_t), value :: atomic_number
        end subroutine

        subroutine report_status(to, status, failed_atom) bind(c)
            import :: c_int, c_int64_t, report
            type(report), intent(in) :: to
            integer(c_int), value :: status
            integer(c_int64_t), value :: failed_atom
        end subroutine

        function report_end(to, check) result(exit_status) bind(c)
            import :: c_int, report
            type(report), intent(in) :: to
            integer(c_int), value :: check
            integer(c_int) :: exit_status
        end function
    end interface
end module
