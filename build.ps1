# Builds out/fastblock, one native executable. Run in this folder by either shell: "sh build.ps1" or "pwsh build.ps1";
# so only what both understand may stand here. Installs nothing; downloads the packages that fastblock.csproj names.
# The code analyzers take longer than the compiler and run with the tests.
dotnet --version || echo "fastblock: the .NET SDK (9.0 or later) is missing; see https://dotnet.microsoft.com/download"
dotnet publish fastblock.csproj -c Release -o out --nologo -v quiet -p:RunAnalyzers=false && echo "built out/fastblock"
# The exit code of the line above: PowerShell has it in this variable (it has no "|| exit"), and sh, which has no such
# variable, exits with the last command's when it is given nothing.
exit $LASTEXITCODE
