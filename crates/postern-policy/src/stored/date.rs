//! Dates as IAM's older parser takes them: more than can be compared later.

/// Whether a date condition may hold this value: ISO 8601, loosely, or seconds since 1970.
pub(crate) fn is_date(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    if text.contains('t') || text.contains('-') {
        iso(&text).is_some()
    } else {
        text.parse::<i64>().is_ok_and(|seconds| seconds >= 0)
    }
}

fn iso(text: &str) -> Option<()> {
    let (date, time) = text.split_once('t').unwrap_or((text, ""));
    let (sign, date) = date.strip_prefix('-').map_or((1, date), |date| (-1, date));
    let mut fields = date.split('-');
    let year: i64 = fields.next()?.parse().ok()?;
    within(year * sign, -292_275_054, 292_278_993)?;
    for most in [12, 31] {
        if let Some(field) = fields.next() {
            within(field.parse().ok()?, 1, most)?;
        }
    }
    let mut clock = time.splitn(3, ':');
    let hours = clock.next().filter(|hours| !hours.is_empty());
    let minutes = clock.next();
    let seconds = clock.next();
    if let Some(hours) = hours {
        within(hours.parse().ok()?, 0, 23)?;
    }
    if let Some(minutes) = minutes {
        within(minutes.parse().ok()?, 0, 59)?;
    }
    if let Some(seconds) = seconds {
        self::seconds(seconds)?;
    }
    fields.next().is_none().then_some(())
}

/// Seconds with a fraction and a zone.
fn seconds(text: &str) -> Option<()> {
    let (text, zone) = match text.split_once('+') {
        Some((text, zone)) => (text, Some(zone)),
        None => (text.strip_suffix('z').unwrap_or(text), None),
    };
    if let Some(zone) = zone {
        let (hours, minutes) = zone.split_once(':').unwrap_or((zone, "00"));
        for (field, most) in [(hours, 23), (minutes, 59)] {
            within(field.parse().ok().filter(|_| field.len() == 2)?, 0, most)?;
        }
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    within(whole.parse().ok()?, 0, 59)?;
    within(fraction.parse().ok()?, 0, 999_999_999)
}

fn within(value: i64, least: i64, most: i64) -> Option<()> {
    (least..=most).contains(&value).then_some(())
}
