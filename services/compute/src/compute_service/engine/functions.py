"""Functions that a query may call. What is not listed does not exist for the caller.

Left out on purpose: whatever reads files or settings, runs SQL from text, waits, writes logs, or tells about the
process, the connection or the catalogue of the engine.
"""

__all__ = ["FUNCTIONS", "TABLE_FUNCTIONS"]

_OPERATORS = "+ - * / // % ** ^ & | ~ << >> || -> ->> @> <@ && ^@ ~~ !~~ ~~* !~~* ~~~ !__postfix ** @"

_NUMBERS = """
abs acos acosh add asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees divide even exp
factorial fdiv floor fmod gamma gcd greatest greatest_common_divisor isfinite isinf isnan lcm least
least_common_multiple lgamma ln log log10 log2 mod multiply nextafter pi pow power radians round round_even
roundbankers sign signbit sin sinh sqrt subtract tan tanh trunc xor random
"""

_TEXTS = """
ascii bar base64 bin char_length character_length chr concat concat_ws contains damerau_levenshtein decode editdist3
encode ends_with format format_bytes formatReadableSize formatReadableDecimalSize from_base64 from_hex hamming hash hex
ilike_escape instr jaccard jaro_similarity jaro_winkler_similarity lcase left left_grapheme len length length_grapheme
levenshtein like_escape lower lpad ltrim md5 mismatches nfc_normalize not_ilike_escape not_like_escape octet_length ord
overlay position prefix printf regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches
regexp_replace regexp_split_to_array repeat replace reverse right right_grapheme rpad rtrim sha1 sha256 split
split_part starts_with str_split str_split_regex string_split string_split_regex string_to_array strip_accents strlen
strpos substr substring substring_grapheme suffix to_base to_base64 to_hex translate trim ucase unhex unicode upper
url_decode url_encode bit_length
"""

_TIMES = """
age century current_date date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day
dayname dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns epoch_us era get_current_timestamp
hour isodow isoyear julian last_day make_date make_time make_timestamp make_timestamptz microsecond millennium
millisecond minute month monthname now quarter second strftime strptime time_bucket timezone timezone_hour
timezone_minute to_days to_hours to_microseconds to_milliseconds to_minutes to_months to_quarters to_seconds
to_timestamp to_weeks to_years today transaction_timestamp try_strptime week weekday weekofyear year yearweek
current_localtimestamp current_localtime
"""

_CHOICES = "alias coalesce constant_or_null error if ifnull nullif typeof error"

_NESTED = """
apply array_aggr array_aggregate array_append array_apply array_cat array_concat array_contains array_distinct
array_extract array_filter array_has array_has_all array_has_any array_indexof array_intersect array_length
array_position array_prepend array_reduce array_reverse array_reverse_sort array_slice array_sort array_to_string
array_transform array_unique array_value array_zip cardinality element_at filter flatten generate_series len
list_aggr list_aggregate list_any_value list_append list_apply list_avg list_cat list_concat list_contains list_count
list_distinct list_element list_extract list_filter list_first list_has list_has_all list_has_any list_indexof
list_intersect list_last list_max list_median list_min list_mode list_pack list_position list_prepend list_product
list_reduce list_reverse list_reverse_sort list_slice list_sort list_sum list_transform list_unique list_value list_zip
map map_concat map_contains map_entries map_extract map_extract_value map_from_entries map_keys map_values range
reduce row struct_concat struct_extract struct_extract_at struct_insert struct_keys struct_pack struct_update
struct_values unnest json_array json_array_length json_contains json_extract json_extract_path json_extract_path_text
json_extract_string json_keys json_object json_quote json_structure json_type json_valid json_value to_json
"""

_AGGREGATES = """
any_value approx_count_distinct approx_quantile arbitrary arg_max arg_min array_agg avg bit_and bit_or bit_xor
bool_and bool_or corr count count_if count_star countif covar_pop covar_samp entropy favg first fsum geomean
geometric_mean group_concat histogram kurtosis last list listagg mad max max_by mean median min min_by mode product
quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp string_agg sum sumkahan kahan_sum var_pop var_samp
variance weighted_avg wavg grouping grouping_id
"""

_WINDOWS = """
row_number rank dense_rank rank_dense percent_rank cume_dist ntile lag lead first_value last_value nth_value fill
"""

FUNCTIONS = frozenset(
    name.lower()
    for group in (_OPERATORS, _NUMBERS, _TEXTS, _TIMES, _CHOICES, _NESTED, _AGGREGATES, _WINDOWS)
    for name in group.split()
)

#: In FROM: rows out of the query's own values only.
TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})
