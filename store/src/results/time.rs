//! Times in ZIP archives: MS-DOS date and time, in steps of two seconds, from 1980 to 2107, without a time zone.

/// A time in an archive. UTC, so that the archive is the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DosTime {
    pub(super) date: u16,
    pub(super) time: u16,
}

impl DosTime {
    /// The time of this Unix timestamp, or the nearest time that the format can represent.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        const FIRST: i64 = 315_532_800;
        const LAST: i64 = 4_354_819_198;
        let seconds = seconds.clamp(FIRST, LAST) as u64;
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let date = (year - 1980) << 9 | month << 5 | day;
        let time = hour << 11 | minute << 5 | (second / 2);
        Self { date: date as u16, time: time as u16 }
    }
}

/// Year, month and day of a number of days since 1970 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_BEFORE_1970: u64 = 719_468;
    const ERA: u64 = 146_097;
    let days = days + DAYS_BEFORE_1970;
    let (era, day_of_era) = (days / ERA, days % ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(seconds: i64) -> [u16; 6] {
        let DosTime { date, time } = DosTime::from_unix(seconds);
        [1980 + (date >> 9), date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2]
    }

    #[test]
    fn times_follow_the_calendar() {
        assert_eq!(parts(951_782_399), [2000, 2, 28, 23, 59, 58]);
        assert_eq!(parts(951_868_799), [2000, 2, 29, 23, 59, 58]);
        assert_eq!(parts(951_868_800), [2000, 3, 1, 0, 0, 0]);
        assert_eq!(parts(1_735_689_599), [2024, 12, 31, 23, 59, 58]);
        assert_eq!(parts(1_735_689_600), [2025, 1, 1, 0, 0, 0]);
    }

    #[test]
    fn times_out_of_range_become_the_nearest_valid_time() {
        assert_eq!(parts(i64::MIN), [1980, 1, 1, 0, 0, 0]);
        assert_eq!(parts(0), [1980, 1, 1, 0, 0, 0]);
        assert_eq!(parts(i64::MAX), [2107, 12, 31, 23, 59, 58]);
    }
}
