-- title:     There is also a deduct_credits for amounts as text, and it rounds them
-- class:     fraction_rounded_away
-- operation: deduct_credits
-- hurts:     the vendor: of 1.49 credits the fraction is free, and what is asked for isn't what is charged
-- caught-by: contract amount_is_a_whole_number
--
-- A client that sends its numbers as strings finds this one.

create function license_billing.deduct_credits(p_license_key text, p_amount text, p_request_id uuid default null)
returns integer
language sql
security definer
set search_path = ''
as $$
    select license_billing.deduct_credits(p_license_key, round(p_amount::numeric)::integer, p_request_id);
$$;

alter function license_billing.deduct_credits(text, text, uuid) owner to license_billing_owner;
revoke all on function license_billing.deduct_credits(text, text, uuid) from public;
grant execute on function license_billing.deduct_credits(text, text, uuid) to service_role;
