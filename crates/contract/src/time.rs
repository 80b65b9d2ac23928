use std::fmt;

use ::time::format_description::well_known::Rfc3339;
use ::time::{OffsetDateTime, UtcOffset};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{self, Serialize, Serializer};

/// An RFC 3339 timestamp, written in UTC with milliseconds, read with any offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(
    // In UTC.
    OffsetDateTime,
);

impl Time {
    /// Creates a time from milliseconds since 1970-01-01T00:00:00Z; `None` outside the years 0 to 9999.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        let time = OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)).ok()?;
        let time = time.replace_millisecond(u16::try_from(millis.rem_euclid(1000)).ok()?).ok()?;
        (0..=9999).contains(&time.year()).then_some(Self(time))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub fn unix_millis(self) -> i64 {
        i64::try_from(self.0.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.written()).map_err(|_| fmt::Error)?)
    }
}

impl Time {
    /// The time as text. Formatted by hand for speed, since a list of 100 entries contains 200 times.
    fn written(self) -> [u8; 24] {
        let (year, month, day) = self.0.to_calendar_date();
        let (hour, minute, second, millisecond) = self.0.to_hms_milli();
        let year = year.unsigned_abs();
        let ([y0, y1], [y2, y3]) = (digits(year / 100), digits(year % 100));
        let ([n0, n1], [d0, d1]) = (digits(u8::from(month).into()), digits(day.into()));
        let ([h0, h1], [m0, m1], [s0, s1]) = (digits(hour.into()), digits(minute.into()), digits(second.into()));
        let ([_, f0], [f1, f2]) = (digits((millisecond / 100).into()), digits((millisecond % 100).into()));
        [y0, y1, y2, y3, b'-', n0, n1, b'-', d0, d1, b'T', h0, h1, b':', m0, m1, b':', s0, s1, b'.', f0, f1, f2, b'Z']
    }
}

/// The two digits of a number below 100.
const fn digits(number: u32) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(str::from_utf8(&self.written()).map_err(ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time as in RFC 3339, such as 2026-11-22T06:12:00.000Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                let time =
                    OffsetDateTime::parse(text, &Rfc3339).ok().and_then(|time| time.checked_to_offset(UtcOffset::UTC));
                let time = time.filter(|time| (0..=9999).contains(&time.year()));
                time.map(Time).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Time {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339 in UTC with milliseconds"))
            .examples([serde_json_example()])
            .into()
    }
}

#[cfg(feature = "openapi")]
fn serde_json_example() -> String {
    "2026-11-22T06:12:00.000Z".to_owned()
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Time {}

#[cfg(test)]
mod tests {
    use ::time::format_description::BorrowedFormatItem;
    use ::time::macros::format_description;
    use proptest::prelude::*;

    use super::*;

    const FORMAT: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

    /// The first and the last time, in milliseconds since 1970.
    const FIRST: i64 = -62_167_219_200_000;
    const LAST: i64 = 253_402_300_799_999;

    /// The time as the library calculates and writes it.
    fn by_library(millis: i64) -> String {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap();
        time.format(FORMAT).unwrap()
    }

    #[test]
    fn only_four_digit_years_are_written() {
        assert_eq!(Time::from_unix_millis(FIRST).unwrap().to_string(), "0000-01-01T00:00:00.000Z");
        assert_eq!(Time::from_unix_millis(LAST).unwrap().to_string(), "9999-12-31T23:59:59.999Z");
        for millis in [FIRST - 1, LAST + 1, i64::MIN, i64::MAX] {
            assert_eq!(Time::from_unix_millis(millis), None);
        }
    }

    proptest! {
        #[test]
        fn any_time_is_written_as_by_the_library_and_reads_back(millis in FIRST..=LAST) {
            let time = Time::from_unix_millis(millis).unwrap();
            prop_assert_eq!(time.to_string(), by_library(millis));
            prop_assert_eq!(time.unix_millis(), millis);
            let read: Time = serde_json::from_str(&serde_json::to_string(&time).unwrap()).unwrap();
            prop_assert_eq!(read, time);
        }

        #[test]
        fn any_day_of_any_year_is_written_as_by_the_library(day in FIRST / 86_400_000..=LAST / 86_400_000) {
            for millis in [day * 86_400_000, day * 86_400_000 + 86_399_999] {
                prop_assert_eq!(Time::from_unix_millis(millis).unwrap().to_string(), by_library(millis));
            }
        }
    }

    #[test]
    fn times_are_written_in_utc_with_milliseconds_and_read_with_any_offset() {
        let time: Time = serde_json::from_str("\"2026-11-22T08:12:00.1239+02:00\"").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-11-22T06:12:00.123Z\"");
        assert_eq!(Time::from_unix_millis(time.unix_millis()).unwrap().unix_millis(), time.unix_millis());
        for text in ["0000-01-01T00:00:00.000Z", "0987-06-05T04:03:02.001Z", "9999-12-31T23:59:59.999Z"] {
            let time: Time = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            assert_eq!(time.to_string(), text);
        }
        for text in [
            "\"yesterday\"",
            "\"2026-11-22\"",
            "\"2026-11-22T06:12:00\"",
            "12",
            "\"2026-13-01T00:00:00Z\"",
            "\"9999-12-31T23:59:59-01:00\"",
            "\"0000-01-01T00:00:00+01:00\"",
        ] {
            assert!(serde_json::from_str::<Time>(text).is_err(), "{text}");
        }
    }
}
