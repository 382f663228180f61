-- Refuse the name of an operation that would not make a Stripe key: type:id:UUID has to be at most 255 characters long.

create or replace function stripe_idempotency.check_operation(p_operation_type text, p_operation_id text)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
    if stripe_idempotency.is_identifier(p_operation_type, 64) is not true then
        raise exception 'Invalid operation type: %', p_operation_type;
    elsif stripe_idempotency.is_identifier(p_operation_id, 128) is not true then
        raise exception 'Invalid operation id: %', p_operation_id;
    end if;
end;
$$;

alter function stripe_idempotency.check_operation(text, text) owner to stripe_idempotency_owner;
revoke all on function stripe_idempotency.check_operation(text, text)
from public, anon, authenticated, service_role;
