# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
# Warm workers elsewhere beside the workers of a local pool, and beside what they spare: an srun for each
# command. The Slurm is that of tests/support/slurm, two nodes on this machine: one pays for both ends.
title="exec /bin/true on 8 warm workers of a Slurm, one map"
metrics=("rate jobs/s higher")
contenders=(cluster local srun)
label=([cluster]="futured, srun as launcher" [local]="futured, a local pool" [srun]="one srun a command, 8 at a time")
targets=("rate local 0.69" "rate srun 50")
jobs=4000
few=100

prepare()
{
    local program
    if (($(id -u) != 0)); then
        echo "a Slurm of our own needs root"
        return 77
    fi
    for program in slurmctld slurmd munged srun; do
        PATH=$PATH:/usr/sbin command -v "$program" >/dev/null && continue
        echo "there is no $program (tests/support/deps.sh cluster)"
        return 77
    done
    export SLURM_NODE_TIMEOUT=60 # a busy machine is no dead node
    export SLURM_DIR=/run/futured-bench-slurm SLURM_CONF=/run/futured-bench-slurm/slurm.conf
    tests/support/slurm stop
    tests/support/slurm start || return
    cp "$build/futured" "$SLURM_DIR/futured"
    cat >"$work/conf" <<CONF
[pool default]
max_workers = 8
launcher_program = $SLURM_DIR/futured
launcher = srun --quiet --unbuffered --ntasks=1 --chdir=/
CONF
    new_daemon cluster --config "$work/conf"
    new_daemon local --max-workers 8
    # All eight are there when the first round begins.
    seq 64 | FUTURE_SOCKET=$cluster_socket future map --cwd / -- sh -c 'sleep 0.2' {} >/dev/null
}

clean_up() { tests/support/slurm stop; }

measure_cluster() { "$programs/load" exec "$cluster_socket" "$jobs" /bin/true; }
measure_local() { "$programs/load" exec "$local_socket" "$jobs" /bin/true; }
measure_srun()
{
    per_second "$few" xargs -a <(seq "$few") -P 8 -n 1 srun --quiet --ntasks=1 --chdir=/ /bin/true
}
