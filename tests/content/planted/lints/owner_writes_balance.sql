-- Members may update every column of their own account.
grant update on planted.account to authenticated;
