# Lets this shell work as a target: `assume -h` says more.
function assume {
    $words = @($args)
    $how = 'env'
    if ($words.Count -gt 0) {
        if ($words[0] -cin '-h', '--help') {
            @'
assume [TARGET] [OPTIONS]      this shell works as TARGET, an ACCOUNT/ROLE or a profile;
                               options are those of `postern env`, such as --read-only
assume -c [TARGET] [OPTIONS]   the AWS console, with the options of `postern console`
assume -u                      out of it again
Without TARGET: choose from a list.
'@
            return
        }
        if ($words[0] -cin '-u', '--unset') {
            $text = & @POSTERN@ env --unset --format powershell
            if ($LASTEXITCODE -eq 0) { Invoke-Expression ($text -join "`n") }
            return
        }
        if ($words[0] -cin '-c', '--console') {
            $how = 'console'
            $words = @($words | Select-Object -Skip 1)
        }
    }
    if ($words.Count -eq 0) {
        $words = @(& @POSTERN@ pick)
        if ($LASTEXITCODE -ne 0) { return }
    }
    if ($how -eq 'console') {
        & @POSTERN@ console @words
        return
    }
    # All or nothing: what failed is not evaluated, and this shell stays as it was.
    $text = & @POSTERN@ env --format powershell @words
    if ($LASTEXITCODE -ne 0) { return }
    if (-not ("$(@($text)[0])" -match '^(Remove-Item Env:|\$Env:)')) {
        # A help text, say.
        $text
        return
    }
    Invoke-Expression ($text -join "`n")
    Write-Host "$(postern_prompt)``assume -u`` leaves"
}

# The target and the time that is left, for the function `prompt`: nothing while nothing is assumed.
function postern_prompt {
    if (-not $Env:POSTERN_TARGET) { return '' }
    $name = $Env:POSTERN_TARGET -replace '[\x00-\x1f\x7f]', '?'
    $until = [DateTimeOffset]::MinValue
    $style = [Globalization.DateTimeStyles]::AssumeUniversal
    $culture = [Globalization.CultureInfo]::InvariantCulture
    if (-not [DateTimeOffset]::TryParse($Env:AWS_CREDENTIAL_EXPIRATION, $culture, $style, [ref]$until)) {
        return "($name) "
    }
    $left = $until - [DateTimeOffset]::UtcNow
    if ($left.Ticks -le 0) {
        if ($Env:NO_COLOR) { return "($name expired) " }
        return "$([char]27)[31m($name expired)$([char]27)[0m "
    }
    if ($left.TotalHours -ge 1) { return "($name $([math]::Floor($left.TotalHours))h$($left.ToString('mm'))m) " }
    if ($left.TotalMinutes -ge 1) { return "($name $($left.Minutes)m) " }
    "($name $($left.Seconds)s) "
}
