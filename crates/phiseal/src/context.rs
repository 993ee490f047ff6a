/// What a field is sealed as: `record`, `field`, `tenant`, `usage`, and after one of those `row_version` (a `u64`) and
/// `padded_to` (a `u32`, bytes).
///
/// ```
/// use phiseal::context;
///
/// let what = context!(record = "mrn-1029", field = "ssn");
/// let versioned = context!(tenant = "north", record = 1029.to_string(), field = "ssn", row_version = 7, padded_to = 16);
/// ```
///
/// A field is always sealed *as* something:
///
/// ```compile_fail
/// let nothing = phiseal::context!();
/// ```
#[macro_export]
macro_rules! context {
    (record = $value:expr $(, $name:ident = $more:expr)* $(,)?) => {
        $crate::Context::of_record($value)$(.$name($more))*
    };
    (field = $value:expr $(, $name:ident = $more:expr)* $(,)?) => {
        $crate::Context::of_field($value)$(.$name($more))*
    };
    (tenant = $value:expr $(, $name:ident = $more:expr)* $(,)?) => {
        $crate::Context::of_tenant($value)$(.$name($more))*
    };
    (usage = $value:expr $(, $name:ident = $more:expr)* $(,)?) => {
        $crate::Context::of_usage($value)$(.$name($more))*
    };
}
