# Builds out/fastblock, one native executable. Run in this folder by either shell: "sh build.ps1" or "pwsh build.ps1";
# so only what both understand may stand here. Installs nothing; downloads the packages that fastblock.csproj names.
# The code analyzers take longer than the compiler and run with the tests.
dotnet --version || echo "fastblock: the .NET SDK (9.0 or later) is missing; see https://dotnet.microsoft.com/download"
dotnet publish fastblock.csproj -c Release -o out --nologo -v quiet -p:RunAnalyzers=false || exit 1
echo "built out/fastblock"
