#!/bin/bash
# A task of a SLURM job array: converts every Nth file of a folder, N being the number of tasks.
#
#     sbatch --array=0-99 --cpus-per-task=2 --requeue docs/examples/archive.sh FOLDER OUT
#
# What is done already is skipped, so an array that was cut off is simply submitted again.
#SBATCH --open-mode=append
files=("$1"/*)
mine=()
for ((i = SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN; i < ${#files[@]}; i += SLURM_ARRAY_TASK_COUNT)); do
    mine+=("${files[i]}")
done
[ ${#mine[@]} -gt 0 ] || exit 0
exec live-edges process "${mine[@]}" -o "$2/" --threads "${SLURM_CPUS_PER_TASK:-1}" --jobs 1
