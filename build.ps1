dotnet publish fastblock.csproj -c Release -o out --nologo -v quiet
