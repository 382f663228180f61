-- A deadlock is reported as too few credits.
create function planted.spend_or_say_why(p_account_id uuid, p_amount numeric, p_request_key text)
returns text
language plpgsql
set search_path = ''
as $$
begin
    return planted.spend(p_account_id, p_amount, p_request_key)::text;
exception
    when invalid_text_representation then
        raise;
    when others then
        raise notice 'spend said: raise;';
        return 'insufficient credits';
end;
$$;
