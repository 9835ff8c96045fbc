# What bash and zsh share. Names that begin with __postern are not for use.

__postern_assume() {
    local how=env text
    case ${1-} in
        -h | --help)
            cat <<'END'
assume [TARGET] [OPTIONS]      this shell works as TARGET, an ACCOUNT/ROLE or a profile;
                               options are those of `postern env`, such as --read-only
assume -c [TARGET] [OPTIONS]   the AWS console, with the options of `postern console`
assume -u                      out of it again
Without TARGET: choose from a list.
END
            return 0
            ;;
        -u | --unset)
            text=$(@POSTERN@ env --unset --format @SHELL@) || return
            eval "$text"
            return
            ;;
        -c | --console)
            how=console
            shift
            ;;
    esac
    if [ $# -eq 0 ]; then
        text=$(@POSTERN@ pick) || return
        set -- "$text"
    fi
    if [ "$how" = console ]; then
        @POSTERN@ console "$@"
        return
    fi
    # All or nothing: what failed is not evaluated, and this shell stays as it was.
    text=$(@POSTERN@ env --format @SHELL@ "$@") || return
    case $text in
        'unset '* | 'export '*) ;;
        *)
            # A help text, say.
            printf '%s\n' "$text"
            return 0
            ;;
    esac
    eval "$text"
    text=
    if __postern_left; then
        printf '%s, %s left; `assume -u` leaves\n' "$POSTERN_TARGET" "$REPLY" >&2
    else
        printf '%s; `assume -u` leaves\n' "$POSTERN_TARGET" >&2
    fi
}

# The time that is left, in REPLY; fails where it is not known. No program is started for it.
__postern_left() {
    local at=${AWS_CREDENTIAL_EXPIRATION-} year month day left
    REPLY=
    case $at in
        [0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z) ;;
        *) return 1 ;;
    esac
    year=$((10#${at:0:4})) month=$((10#${at:5:2})) day=$((10#${at:8:2}))
    # Days since 1970, counted in years that begin in March.
    if [ "$month" -gt 2 ]; then month=$((month - 3)); else month=$((month + 9)) year=$((year - 1)); fi
    left=$((365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719469))
    left=$((left * 86400 + 10#${at:11:2} * 3600 + 10#${at:14:2} * 60 + 10#${at:17:2}))
    __postern_now || return 1
    left=$((left - REPLY))
    if [ "$left" -le 0 ]; then
        REPLY=expired
    elif [ "$left" -lt 60 ]; then
        REPLY="${left}s"
    elif [ "$left" -lt 3600 ]; then
        REPLY="$((left / 60))m"
    else
        REPLY=$((left % 3600 / 60))
        case $REPLY in ?) REPLY=0$REPLY ;; esac
        REPLY="$((left / 3600))h${REPLY}m"
    fi
}
