-- title:     A generation is recorded only for an active license
-- class:     free_of_charge
-- operation: record_unbilled_generation
-- hurts:     the vendor: a text that was generated just before the license was switched off is nobody's to pay
-- caught-by: contract generation_recorded_once
-- changes:   functions/record_unbilled_generation.sql

-- @instead of
    where license.license_key = p_license_key;
-- @write
    where license.license_key = p_license_key and license.is_active;
