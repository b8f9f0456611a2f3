#!/bin/bash
# Trains one model on four machines of a Slurm cluster, a process on each with all its GPUs.
#
#   sbatch examples/cluster/slurm.sh
#
# The checkpoint is in a folder that all machines see. Stopped, it goes on when submitted again, on as
# many machines as you like.
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --time=12:00:00

export KERAS_BACKEND=jax
export KERAS_DISTRIBUTION_JOB_ADDRESSES="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1):29400"
export KERAS_DISTRIBUTION_NUM_PROCESSES="$SLURM_NTASKS"

srun --kill-on-bad-exit=1 bash -c 'KERAS_DISTRIBUTION_PROCESS_ID="$SLURM_PROCID" \
    musegen train melody my-midi-files --out mine.safetensors --batch-size 1024'
