-- Take the credits of a settle or refund out of what its reservation still holds.
--
-- Where it doesn't hold so many, CP001 is raised with the reason, so that the caller's block undoes the
-- operation too.

create or replace function credit_purchase.draw_on_reservation(p_operation credit_purchase.credit_operations)
returns void
language plpgsql
set search_path = ''
as $$
declare
    v_settled integer := case p_operation.operation_type when 'settle' then p_operation.amount else 0 end;
    v_returned integer := case p_operation.operation_type when 'refund' then p_operation.amount else 0 end;
begin
    -- Look and change in one statement, as with the balance. Adding up earlier operations behind a lock would
    -- do at read committed; at repeatable read it would miss one that has just committed, and not notice.
    update credit_purchase.credit_reservations as reservation
    set settled = reservation.settled + v_settled, returned = reservation.returned + v_returned
    where reservation.reservation_key = p_operation.reservation_key
        and reservation.settled::bigint + reservation.returned + p_operation.amount <= reservation.amount;

    if not found then
        raise exception using errcode = 'CP001', message = 'reservation_exceeded';
    end if;
end;
$$;

alter function credit_purchase.draw_on_reservation(credit_purchase.credit_operations)
owner to credit_purchase_owner;
revoke all on function credit_purchase.draw_on_reservation(credit_purchase.credit_operations)
from public, anon, authenticated, service_role;
